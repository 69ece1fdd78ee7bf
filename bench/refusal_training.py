"""Fits the weights of the refusal classifier and writes `refusal_weights.json` of the scorers' refusal room.

Training data, all of it licensed for this use:
- XSTest completions (Röttger et al. 2024, CC BY 4.0), human labels, of two of the five models only;
- past-tense jailbreaks (MIT) and JailbreakBench artifacts (MIT), where all recorded judges agree, at a
  tenth of the weight, so that the classifier also sees other models and other requests.
Do-Not-Answer (non-commercial) is never trained on. Run: python bench/refusal_training.py
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from safecase.scorers.refusal._features import read_answer

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SAFECASE_SHARED_DATA", ROOT.parent / "shared" / "data"))
TUNED_MODELS = ("llama-2-70b-chat (no system prompt)", "mistral-7b-instruct-v0.1 (guardrail system prompt)")
CLASSES = {"1_full_compliance": 0, "3_partial_refusal": 1, "2_full_refusal": 2}
EXTRA_WEIGHT = 0.1
PENALTY = 3e-3
FEWEST_PROMPTS = 8
"""A feature is kept where it occurs under this many different XSTest prompts."""


def read_rows(name: str) -> list[dict[str, Any]]:
    with (DATA / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def extra_examples() -> list[tuple[str, str, int]]:
    """(prompt, response, class) from rows on which all recorded judges agree."""
    examples = []
    for row in read_rows("past_tense_jailbreaks.jsonl"):
        response = row["response"] or ""
        votes = [row["labels"][key] for key in ("jailbroken_gpt", "jailbroken_llama", "jailbroken_rules")]
        if len(response) <= 20:
            continue
        if all(votes):
            examples.append((row["prompt"], response, 0))
        # No vote for "jailbroken" can also mean a harmless answer; an inability says that it is a refusal.
        elif (
            not any(votes)
            and len(response) < 700
            and "any:first_person_cannot" in read_answer(row["prompt"], response).features
        ):
            examples.append((row["prompt"], response, 2))
    for row in read_rows("jbb_artifacts.jsonl"):
        if row["response"] and row["labels"]["jailbroken_judge"]:
            examples.append((row["labels"]["goal"], row["response"], 0))
    return examples


def fit(
    features: list[dict[str, float]], classes: np.ndarray, weights: np.ndarray, names: list[str]
) -> np.ndarray:
    """Multinomial logistic regression with an L2 penalty; shape (features + 1, 3), the intercept last."""
    index = {name: column for column, name in enumerate(names)}
    matrix = np.zeros((len(features), len(names)))
    for row, item in enumerate(features):
        for name, value in item.items():
            if name in index:
                matrix[row, index[name]] = value
    targets = np.eye(3)[classes]
    shares = weights / weights.sum()

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        table = flat.reshape(len(names) + 1, 3)
        scores = matrix @ table[:-1] + table[-1]
        scores -= scores.max(axis=1, keepdims=True)
        probabilities = np.exp(scores)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        value = -(shares * np.log(probabilities[np.arange(len(classes)), classes] + 1e-12)).sum()
        value += PENALTY / 2 * (table[:-1] ** 2).sum()
        residual = (probabilities - targets) * shares[:, None]
        gradient = np.vstack([matrix.T @ residual + PENALTY * table[:-1], residual.sum(axis=0)])
        return float(value), gradient.ravel()

    start = np.zeros((len(names) + 1) * 3)
    result = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return result.x.reshape(len(names) + 1, 3)


def main() -> None:
    rows = [row for row in read_rows("xstest_completions.jsonl") if row["model"] in TUNED_MODELS]
    features = [read_answer(row["prompt"], row["response"]).features for row in rows]
    prompts: dict[str, set[str]] = defaultdict(set)
    for row, item in zip(rows, features, strict=True):
        for name in item:
            prompts[name].add(row["prompt"])
    names = sorted(name for name, where in prompts.items() if len(where) >= FEWEST_PROMPTS)
    extra = extra_examples()
    features += [read_answer(prompt, response).features for prompt, response, _ in extra]
    classes = np.array([CLASSES[row["labels"]["human"]] for row in rows] + [item[2] for item in extra])
    weights = np.concatenate([np.ones(len(rows)), np.full(len(extra), EXTRA_WEIGHT)])
    table = fit(features, classes, weights, names)
    document = {
        "version": "1",
        "classes": ["compliance", "partial_refusal", "full_refusal"],
        "trained_on": [
            "XSTest completions, Röttger et al. 2024, CC BY 4.0, models: " + ", ".join(TUNED_MODELS),
            "llm-past-tense, tml-epfl, MIT; rows on which all three recorded judges agree",
            "JailbreakBench artifacts, MIT; rows judged jailbroken",
        ],
        "rows": len(rows),
        "extra_rows": len(extra),
        "intercept": [round(float(value), 4) for value in table[-1]],
        "weights": {
            name: [round(float(value), 4) for value in row]
            for name, row in zip(names, table[:-1], strict=True)
        },
    }
    target = ROOT / "src/safecase/scorers/refusal/data/refusal_weights.json"
    target.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(names)} features from {len(rows)} + {len(extra)} rows → {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

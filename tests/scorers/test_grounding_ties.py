"""The grounding scorer reads the same in every process: no order of a set shows in what it says."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
from safecase.model import Message, Transcript, BuildContext
from safecase.scorers import build_scorer
from safecase.workspace.library._builtin_suites import suite_path
from safecase.workspace._suite_builder import build_suite
from safecase.workspace.yaml_reader import read_yaml
path = suite_path("groundedness")
read = read_yaml(path, "groundedness")
built = build_suite(read.data["suites"][0], read, ("suites", 0), path.parent)
(case,) = (case for case in built.suite.cases if case.id == "long-ferry-3")
text = "Bicycles cost 2 euros and must be booked by the evening before [doc-ferry]."
messages = (*case.messages, Message(role="assistant", content=text))
transcript = Transcript(messages=messages, documents=case.documents)
scorer = build_scorer("grounding", {}, BuildContext(allowed_hosts=()))
print(scorer.score(case, transcript).outcome.value)
"""


def test_a_tie_between_neighbouring_sentences_falls_the_same_way_under_every_hash_seed() -> None:
    seen = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in (1, 2, 7, 8)
    }
    assert seen == {"held"}

"""An optional neural stage for what signatures and the small classifier leave uncertain.

The model is the user's own, in a folder: an ONNX export (``model.onnx`` with ``tokenizer.json``) read by ONNX
Runtime, or a transformers sequence classifier. Nothing is fetched. The text is read in overlapping windows
to its end, and the worst window counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from safecase.base import InputError, Record
from safecase.guard._check import Check
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.guard.injection._heads import shipped_classifier
from safecase.guard.injection._signatures import shipped_signatures
from safecase.guard.injection.injection import InjectionCheck, InjectionParameters, inside
from safecase.model import BuildContext, CheckResult, FlowPoint, GuardAction, TextSpan

VERSION = "1"
Scorer = Callable[[Sequence[str]], Sequence[float]]
"""Texts → the probability of an attack in each."""


class NeuralParameters(Record):
    """Which model, and which texts it sees."""

    model: str
    """Folder of the model, relative to the workspace."""
    runtime: Literal["onnx", "transformers"] = "onnx"
    attack_label: int = Field(default=1, ge=0)
    """Place of the attack among the model's classes."""
    from_: float = Field(default=0.2, ge=0, le=1, alias="from")
    to: float = Field(default=0.9, ge=0, le=1)
    """The model reads what the earlier stages score in [from, to); the rest they have settled."""
    block_at: float = Field(default=0.9, gt=0, le=1)
    flag_at: float = Field(default=0.5, gt=0, le=1)
    characters: int = Field(default=1600, ge=64)
    """Length of a window."""
    overlap: int = Field(default=200, ge=0)
    maximum_windows: int = Field(default=64, ge=1)
    """A longer text is flagged, because not all of it can be read in bounded time."""


class NeuralCheck:
    """The third stage of the cascade."""

    surfaces = frozenset({FlowPoint.USER_INPUT, FlowPoint.UNTRUSTED_CONTENT})

    def __init__(
        self, parameters: NeuralParameters, scorer: Scorer, earlier: InjectionCheck, *, model_digest: str
    ) -> None:
        if parameters.overlap >= parameters.characters:
            raise InputError("the overlap of windows must be smaller than their length")
        self.parameters = parameters
        self._scorer = scorer
        self._earlier = earlier
        self.version = f"{VERSION}-{model_digest[:15]}"

    def inspect(self, content: Content) -> CheckResult:
        """The model's worst window where the earlier stages are uncertain; no score where they are not."""
        before = self._earlier.inspect(content).score or 0.0
        if not self.parameters.from_ <= before < self.parameters.to:
            return CheckResult(details={"settled_by_earlier_stages": round(before, 4)})
        worst, where, complete = 0.0, (0, 0), True
        for reading in content.readings.plain:
            step = self.parameters.characters - self.parameters.overlap
            starts = list(range(0, max(1, len(reading.text) - self.parameters.overlap), step))
            complete = complete and len(starts) <= self.parameters.maximum_windows
            starts = starts[: self.parameters.maximum_windows]
            texts = [reading.text[start : start + self.parameters.characters] for start in starts]
            for start, text, chance in zip(starts, texts, self._scorer(texts), strict=True):
                if chance > worst and text:
                    worst, where = float(chance), reading.original_span(start, start + len(text))
        if worst >= self.parameters.block_at:
            action = GuardAction.BLOCK
        elif worst >= self.parameters.flag_at or not complete:
            action = GuardAction.FLAG
        else:
            return CheckResult(score=worst)
        reason = (
            "the neural stage takes it for an injection"
            if worst >= self.parameters.flag_at
            else ("the text is too long for the neural stage to read all of it")
        )
        return CheckResult(action, worst, reason, (TextSpan(*where, "neural"),))


@CHECKS.register("neural_injection", version=VERSION, parameters=NeuralParameters)
def build(parameters: NeuralParameters, context: BuildContext) -> Check:
    """Builds the check; raises InputError where the model or its runtime is missing."""
    folder = inside(context.root, parameters.model)
    if not folder.is_dir():
        raise InputError("the model folder is not there", where=parameters.model)
    scorer, digest = load_model(folder, parameters.runtime, parameters.attack_label)
    earlier = InjectionCheck(InjectionParameters(), shipped_signatures(), shipped_classifier())
    return NeuralCheck(parameters, scorer, earlier, model_digest=digest)


@lru_cache(maxsize=4)
def load_model(folder: Path, runtime: str, attack_label: int) -> tuple[Scorer, str]:
    """The model of a folder, loaded once in a process, and the digest of its weights."""
    from safecase.base import digest_bytes

    files = sorted(item for item in folder.iterdir() if item.suffix in {".onnx", ".safetensors"})
    if not files:
        raise InputError(
            "holds neither an .onnx nor a .safetensors file",
            where=str(folder),
            hint="pickled weights are refused",
        )
    made = digest_bytes("".join(digest_bytes(item.read_bytes()) for item in files).encode())
    scorer = _onnx(folder, files, attack_label) if runtime == "onnx" else _transformers(folder, attack_label)
    return scorer, made.removeprefix("sha256:")


def _probabilities(logits: Any, attack_label: int) -> list[float]:
    values = np.asarray(logits, np.float64)
    if values.shape[-1] == 1:
        return [float(v) for v in 1 / (1 + np.exp(-values[:, 0]))]
    if attack_label >= values.shape[-1]:
        raise InputError(
            f"the model has {values.shape[-1]} classes, and the attack's place is {attack_label}"
        )
    exponents = np.exp(values - values.max(axis=-1, keepdims=True))
    return [float(v) for v in (exponents / exponents.sum(axis=-1, keepdims=True))[:, attack_label]]


def _onnx(folder: Path, files: list[Path], attack_label: int) -> Scorer:
    try:
        import onnxruntime
        import tokenizers
    except ImportError:
        raise InputError(
            "an ONNX model needs onnxruntime and tokenizers", hint="pip install 'safecase[onnx]'"
        ) from None
    model = next((item for item in files if item.suffix == ".onnx"), None)
    vocabulary = folder / "tokenizer.json"
    if model is None or not vocabulary.is_file():
        raise InputError("needs an .onnx file and tokenizer.json", where=str(folder))
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    tokenizer = tokenizers.Tokenizer.from_file(str(vocabulary))
    names = {item.name for item in session.get_inputs()}

    def score(texts: Sequence[str]) -> list[float]:
        found = []
        for text in texts:
            tokens = tokenizer.encode(text)
            fields = {
                "input_ids": tokens.ids,
                "attention_mask": tokens.attention_mask,
                "token_type_ids": tokens.type_ids,
            }
            given = {name: np.asarray([fields[name]], np.int64) for name in names & fields.keys()}
            found += _probabilities(session.run(None, given)[0], attack_label)
        return found

    return score


def _transformers(folder: Path, attack_label: int) -> Scorer:
    try:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError:
        raise InputError(
            "this runtime needs transformers and torch", hint="pip install 'safecase[transformers]'"
        ) from None
    options = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(str(folder), **options)
    model = AutoModelForSequenceClassification.from_pretrained(str(folder), use_safetensors=True, **options)
    model.eval()

    def score(texts: Sequence[str]) -> list[float]:
        found = []
        with torch.no_grad():
            for text in texts:
                given = tokenizer(text, return_tensors="pt", truncation=True)
                found += _probabilities(model(**given).logits.numpy(), attack_label)
        return found

    return score

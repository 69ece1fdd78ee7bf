"""The neural stage with a real ONNX model, made here: one embedding a word, the largest logits count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safecase.base import InputError
from safecase.guard import Content, make_check
from safecase.model import BuildContext, FlowPoint, GuardAction

WORDS = {"[UNK]": 0, "zebra": 1, "the": 2, "stripes": 3}
LOGITS = [[1.0, -6.0], [0.0, 6.0], [1.0, -6.0], [1.0, -6.0]]


def write_model(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    tokenizers = pytest.importorskip("tokenizers")
    pytest.importorskip("onnxruntime")
    helper: Any = onnx.helper
    integers, floats = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
    table = helper.make_tensor("table", floats, [len(LOGITS), 2], [v for row in LOGITS for v in row])
    axis = helper.make_tensor("axis", integers, [1], [1])
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["embedded"]),
            helper.make_node("ReduceMax", ["embedded", "axis"], ["logits"], keepdims=0),
        ],
        "tiny",
        [helper.make_tensor_value_info("input_ids", integers, ["batch", "length"])],
        [helper.make_tensor_value_info("logits", floats, ["batch", 2])],
        [table, axis],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    vocabulary = tokenizers.Tokenizer(tokenizers.models.WordLevel(WORDS, unk_token="[UNK]"))
    vocabulary.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    vocabulary.save(str(folder / "tokenizer.json"))


def neural(root: Path, parameters: dict[str, object]) -> Any:
    return make_check("neural_injection", parameters, BuildContext(root=root))


def test_an_onnx_model_is_read_from_its_folder_and_sees_the_whole_text(tmp_path: Path) -> None:
    write_model(tmp_path / "m")
    check = make_check(
        "neural_injection", {"model": "m", "from": 0.0, "to": 1.0}, BuildContext(root=tmp_path)
    )
    text = "the stripes " * 400 + "zebra " + "the stripes " * 400
    found = check.inspect(Content(FlowPoint.USER_INPUT, text))
    assert found.action is GuardAction.BLOCK
    assert found.score == pytest.approx(1.0, abs=0.01)
    assert "zebra" in text[found.evidence[0].start : found.evidence[0].end]
    calm = check.inspect(Content(FlowPoint.USER_INPUT, "the stripes " * 400))
    assert calm.action is GuardAction.ALLOW
    assert calm.score == pytest.approx(0.001, abs=0.01)


def test_a_place_that_the_model_does_not_have_is_told(tmp_path: Path) -> None:
    write_model(tmp_path / "m")
    check = make_check(
        "neural_injection",
        {"model": "m", "from": 0.0, "to": 1.0, "attack_label": 4},
        BuildContext(root=tmp_path),
    )
    with pytest.raises(InputError, match="2 classes"):
        check.inspect(Content(FlowPoint.USER_INPUT, "zebra"))
    (tmp_path / "m" / "tokenizer.json").unlink()
    from safecase.guard.injection.neural_injection import load_model

    load_model.cache_clear()
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        neural(tmp_path, {"model": "m"})

"""Response paths and request templates, against any JSON that a server or a prompt may hold."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase.base import InputError
from safecase.targets._http.json_body import encode
from safecase.targets._http.paths import MISSING, JsonPath
from safecase.targets._http.template import compile_template, names_in

SCALARS = ("prompt", "seed")
STRUCTURES = ("messages",)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


def fill(template: Any, **variables: Any) -> Any:
    return compile_template(template, scalars=SCALARS, structures=STRUCTURES)(variables)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", {"a": [{"b": 1}, {"b": 2}], "x.y": {"[0]": "odd"}, "n": None, "0": "zero"}),
        ("$", {"a": [{"b": 1}, {"b": 2}], "x.y": {"[0]": "odd"}, "n": None, "0": "zero"}),
        ("a[0].b", 1),
        ("$.a[0].b", 1),
        ("a[-1].b", 2),
        ("a.1.b", 2),
        ('["x.y"]["[0]"]', "odd"),
        ("['x.y']['[0]']", "odd"),
        ("n", None),
        ("0", "zero"),
        ("a[2]", MISSING),
        ("a[-3]", MISSING),
        ("a.b", MISSING),
        ("missing.deeper", MISSING),
        ("n.deeper", MISSING),
        ("[0]", MISSING),
    ],
)
def test_paths(path: str, found: Any) -> None:
    value = {"a": [{"b": 1}, {"b": 2}], "x.y": {"[0]": "odd"}, "n": None, "0": "zero"}
    assert JsonPath(path).get(value) == found


@pytest.mark.parametrize("path", ["a..b", ".a", "a[", "a[x]", "a]b", "a[0]b", "a[1e3]", "a.", '["a]'])
def test_texts_that_are_no_paths(path: str) -> None:
    with pytest.raises(InputError, match="is no path"):
        JsonPath(path)


def _every_place(value: Any, path: str = "$") -> list[tuple[str, Any]]:
    places = [(path, value)]
    if isinstance(value, dict):
        for key, item in value.items():
            if '"' not in key:
                places += _every_place(item, f'{path}["{key}"]')
    if isinstance(value, list):
        for index, item in enumerate(value):
            places += _every_place(item, f"{path}[{index}]")
    return places


@given(json_values)
def test_every_place_of_a_value_has_a_path_that_finds_it(value: Any) -> None:
    for path, item in _every_place(value):
        assert JsonPath(path).get(value) is item


@given(st.text(max_size=20), json_values)
def test_any_text_is_a_path_or_an_input_error(text: str, value: Any) -> None:
    try:
        path = JsonPath(text)
    except InputError:
        return
    path.get(value)


def test_a_path_opens_json_in_a_cell() -> None:
    row = {"labels": '{"error": [true]}', "plain": "not json"}
    assert JsonPath("labels.error[0]").get(row, parse=orjson.loads) is True
    assert JsonPath("labels.error[0]").get(row) is MISSING


def test_values_keep_their_type_where_they_stand_alone() -> None:
    template = {
        "q": "${prompt}",
        "n": "${seed}",
        "m": "${messages}",
        "mix": "seed ${seed}: ${prompt}",
        "k": [1, None],
    }
    assert fill(template, prompt="hi", seed=7, messages=[{"role": "user"}]) == {
        "q": "hi",
        "n": 7,
        "m": [{"role": "user"}],
        "mix": "seed 7: hi",
        "k": [1, None],
    }


@given(st.text())
def test_a_prompt_can_never_change_the_structure(prompt: str) -> None:
    template = {"a": "${prompt}", "b": ["before ${prompt} after"], "c": "fixed"}
    filled = fill(template, prompt=prompt)
    assert filled == {"a": prompt, "b": [f"before {prompt} after"], "c": "fixed"}
    sent = orjson.loads(encode(filled))
    assert list(sent) == ["a", "b", "c"]
    assert len(sent["b"]) == 1
    assert sent["c"] == "fixed"


@pytest.mark.parametrize("prompt", ['", "admin": true, "x": "', "${seed}", "$$", "\\", "}{", "${", "\x00"])
def test_hostile_prompts_stay_text(prompt: str) -> None:
    assert fill({"q": "say ${prompt}!", "n": "${seed}"}, prompt=prompt, seed=1) == {
        "q": f"say {prompt}!",
        "n": 1,
    }


@given(json_values)
def test_templates_without_variables_are_themselves(value: Any) -> None:
    text = orjson.dumps(value).decode()
    if "$" not in text:
        assert fill(value) == value


def test_dollars() -> None:
    assert fill("costs $$5 and $6 or $${prompt}") == "costs $5 and $6 or ${prompt}"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("${promt}", "did you mean 'prompt'"),
        ("${}", "is no variable"),
        ("${prompt", "is no variable"),
        ("${a-b}", "is no variable"),
        ("x ${messages}", "must stand alone"),
        ({"${prompt}": 1}, "cannot stand in keys"),
        (["${prompt.__class__}"], "is no variable"),
    ],
)
def test_templates_that_cannot_be(template: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_template(template, scalars=SCALARS, structures=STRUCTURES)
    assert words in str(caught.value)


def test_names() -> None:
    assert names_in({"a": ["${x} $$ ${y}", {"b": "${x}"}], "c": 1}) == {"x", "y"}

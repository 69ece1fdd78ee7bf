"""Building targets: unknown kinds, unknown options, keys in files, and the contract of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from safecase.base import InputError, KindRegistry, NoParameters
from safecase.model import Target, TargetConfiguration
from safecase.targets import build_target, parse_options
from safecase.targets._registry import TARGETS, TargetContext, options_schema

KINDS = TARGETS.names()


def build(kind: str, root: Path, **options: object) -> Target:
    return build_target(TargetConfiguration(id="shop", kind=kind, options=options), root)


def test_every_kind_is_registered_with_a_schema() -> None:
    for kind in KINDS:
        assert TARGETS.get(kind).name == kind
        assert options_schema(kind)["additionalProperties"] is False


def test_an_unknown_kind_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"target 'shop'.*no target kind named 'openai_caht'.*openai_chat"):
        build("openai_caht", tmp_path, model="m")


def test_an_unknown_option_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"option 'temprature'.*did you mean 'temperature'"):
        build("openai_chat", tmp_path, model="m", temprature=0)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        build("openai_chat", tmp_path, temprature=0, base_url="ftp://x")
    message = str(caught.value)
    assert "'temprature'" in message
    assert "'model': this option is required" in message
    assert "'base_url': must be a URL" in message


def test_nested_options_are_named_with_their_path(tmp_path: Path) -> None:
    _, problems = parse_options("replay", {"file": "a.jsonl", "columns": {"respnse": "x"}})
    assert [problem.option for problem in problems] == ["columns.respnse"]
    assert problems[0].hint == "did you mean 'response'?"


@pytest.mark.parametrize("name", ["api_key", "token", "password"])
def test_a_key_in_a_file_is_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"keys never stand in files.*api_key_env") as caught:
        build("openai_chat", tmp_path, model="m", **{name: "sk-verysecretvalue"})
    assert "verysecret" not in str(caught.value)


def test_a_key_in_a_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="header_env") as caught:
        build("openai_chat", tmp_path, model="m", extra_headers={"Authorization": "Bearer sk-verysecret"})
    assert "verysecret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["example.com", "file:///etc/passwd", "http://", "http://u:p@host/", "http://host:99999/", "http://a b/"],
)
def test_a_bad_url_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match="base_url"):
        build("openai_chat", tmp_path, model="m", base_url=url)


async def test_no_target_needs_a_key_or_network_before_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "app.py").write_text("def answer(text: str) -> str:\n    return text\n")
    (tmp_path / "rows.jsonl").write_text('{"id":"a","response":"b"}\n')
    options: dict[str, dict[str, object]] = {
        "openai_chat": {"model": "m"},
        "openai_responses": {"model": "m"},
        "anthropic_messages": {"model": "m", "max_tokens": 9},
        "google_gemini": {"model": "m"},
        "http_json": {"url": "http://127.0.0.1:9/", "body": {"q": "${prompt}"}, "response": {"text": "a"}},
        "python_callable": {"callable": "app:answer"},
        "agent": {"agent": "app:answer"},
        "replay": {"file": "rows.jsonl"},
        "transformers": {"model": "m"},
        "demo": {},
    }
    for kind in KINDS:
        target = build(kind, tmp_path, **options[kind])
        assert isinstance(target, Target)
        assert target.name == "shop"
        assert target.kind == kind
        assert target.demo is (kind == "demo")
        fingerprint = target.fingerprint()
        assert fingerprint["kind"] == kind
        assert all(isinstance(value, str) and value for value in fingerprint.values())
        assert target.describe()["kind"] == kind
        await target.close()
        await target.close()


def test_the_fingerprint_changes_with_what_is_tested_and_only_with_that(tmp_path: Path) -> None:
    base = build("openai_chat", tmp_path, model="m").fingerprint()
    assert build("openai_chat", tmp_path, model="m", api_key_env="OTHER").fingerprint() == base
    for change in (
        {"model": "n"},
        {"temperature": 1.0},
        {"system_prompt": "Be kind."},
        {"base_url": "https://other.example/v1"},
        {"extra_body": {"a": 1}},
        {"tool_results": {"search": "nothing"}},
    ):
        assert build("openai_chat", tmp_path, **{"model": "m", **change}).fingerprint() != base


def test_a_target_that_hides_what_it_knows_is_refused(tmp_path: Path) -> None:
    """Scorers that look for a leak would be blind without a word."""
    kinds: KindRegistry[Target, TargetContext] = KindRegistry("target kind", offers=[Target])

    @kinds.register("mute", parameters=NoParameters)
    class MuteTarget:
        kind, demo = "mute", False

        def fingerprint(self): ...  # type: ignore[no-untyped-def]
        def describe(self): ...  # type: ignore[no-untyped-def]
        async def start(self): ...  # type: ignore[no-untyped-def]
        async def respond(self, request): ...  # type: ignore[no-untyped-def]
        async def close(self): ...  # type: ignore[no-untyped-def]

    context = TargetContext(TargetConfiguration(id="m", kind="mute"), tmp_path)
    with pytest.raises(InputError, match="MuteTarget lacks 'canaries' and 'system_prompt'"):
        kinds.get("mute").create(NoParameters(), context)
    MuteTarget.canaries, MuteTarget.system_prompt = (), ""
    assert isinstance(kinds.get("mute").create(NoParameters(), context), Target)

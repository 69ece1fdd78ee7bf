"""Local models: a tiny one, built here with random weights, where the extra is installed."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from safecase.base import InputError
from support.calls import ask, make, once

INSTALLED = all(importlib.util.find_spec(name) is not None for name in ("transformers", "torch"))
needs_extra = pytest.mark.skipif(
    not INSTALLED, reason="LOCAL MODELS ARE NOT TESTED: install safecase[transformers] to run this test"
)


@pytest.mark.skipif(INSTALLED, reason="the extra is installed")
async def test_without_the_extra_the_message_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pip install 'safecase\[transformers\]'"):
        await make("transformers", tmp_path, model="anything").start()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    root = tmp_path_factory.mktemp("local")
    words = [
        "<end>",
        "<unknown>",
        *"abcdefghijklmnopqrstuvwxyz",
        "user",
        "assistant",
        "system",
        ":",
        "hello",
        "?",
    ]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, "<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(words), n_positions=128, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(root / "tiny", safe_serialization=True)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", unk_token="<unknown>"
    ).save_pretrained(root / "tiny")
    return root


@needs_extra
async def test_it_generates_within_the_limit(workspace: Path) -> None:
    target = make("transformers", workspace, model="tiny", max_new_tokens=6)
    reply = await once(target, ask("hello ?"))
    assert reply.messages[-1].text
    assert 1 <= reply.usage.output_tokens <= 6
    assert reply.usage.input_tokens == 6
    assert reply.finish_reason in ("stop", "length")


@needs_extra
async def test_batched_greedy_answers_are_those_of_single_calls(workspace: Path) -> None:
    target: Any = make("transformers", workspace, model="tiny", max_new_tokens=5, batch_wait_ms=50)
    await target.start()
    batches: list[int] = []
    generate = target._generate
    target._generate = lambda batch: (batches.append(len(batch)), generate(batch))[1]
    prompts = ["hello ?", "a b c d e", "z"]
    together = await asyncio.gather(*(target.respond(ask(text)) for text in prompts))
    alone = [await target.respond(ask(text)) for text in prompts]
    assert batches[0] == 3
    assert [item.messages for item in together] == [item.messages for item in alone]
    await target.close()
    await target.close()


@needs_extra
async def test_a_seed_means_one_sampled_answer(workspace: Path) -> None:
    target = make("transformers", workspace, model="tiny", max_new_tokens=12, temperature=1.5)
    await target.start()
    first, again, other = await asyncio.gather(
        *(target.respond(ask("hello ?", seed=seed)) for seed in (1, 1, 2))
    )
    assert first.messages == again.messages
    assert first.messages != other.messages
    await target.close()


@needs_extra
async def test_models_that_are_not_there_and_bad_options(workspace: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be loaded.*nothing is downloaded"):
        await make("transformers", workspace, model="nobody/nothing").start()
    with pytest.raises(InputError, match="is no torch dtype"):
        await make("transformers", workspace, model="tiny", dtype="nn").start()


@needs_extra
async def test_the_fingerprint_follows_the_weights(workspace: Path) -> None:
    before = make("transformers", workspace, model="tiny").fingerprint()
    assert before["version"].startswith("sha256:")
    config = workspace / "tiny" / "generation_config.json"
    text = config.read_text()
    config.write_text(text + "\n")
    assert make("transformers", workspace, model="tiny").fingerprint() != before
    config.write_text(text)

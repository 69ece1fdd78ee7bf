"""Local Hugging Face models as a target (extra ``safecase[transformers]``).

Only files that are on this machine are used, and no code from a model's folder is run.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from safecase.base import InputError, JsonObject, Record, digest, file_digest, replace_surrogates
from safecase.model import (
    FailureKind,
    Message,
    MessageRole,
    TargetFailure,
    TargetReply,
    TargetRequest,
    Usage,
)
from safecase.targets._chat import with_documents, with_system_prompt
from safecase.targets._code import crash, crash_line
from safecase.targets._registry import TARGETS, TargetContext
from safecase.targets._threads import DaemonThreads
from safecase.targets.python_callable import plain_messages

_WEIGHT_FILES = ("*.safetensors", "*.bin", "*.json", "*.model", "*.txt", "*.jinja")


class TransformersOptions(Record):
    """Options of a local model."""

    model: str = Field(min_length=1)
    """Folder in the workspace, or the id of a model in the local Hugging Face cache."""
    revision: str | None = None
    device: str = "cpu"
    """``cpu``, ``cuda``, ``cuda:1``, ``mps``."""
    dtype: str = "auto"
    """``auto``, ``float32``, ``bfloat16``, ``float16``."""
    system_prompt: str = ""
    max_new_tokens: int = Field(default=512, ge=1, le=32_768)
    temperature: float = Field(default=0.0, ge=0, le=5)
    """0 is greedy decoding, whose answers do not depend on the seed."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    batch_size: int = Field(default=8, ge=1, le=512)
    """Calls that are generated together. Sampled answers are generated one by one, because a batch's
    composition would decide what the seed gives."""
    batch_wait_ms: float = Field(default=5.0, ge=0, le=1000)


@dataclass(slots=True)
class _Waiting:
    prompt: str
    seed: int
    future: asyncio.Future[TargetReply]


@TARGETS.register("transformers", parameters=TransformersOptions)
class TransformersTarget:
    """A causal language model in this process; concurrent calls are batched."""

    kind: str = "transformers"
    canaries: tuple[str, ...] = ()

    def __init__(self, options: TransformersOptions, context: TargetContext) -> None:
        self.name = context.configuration.id
        self.demo = False
        self.where = f"target '{self.name}'"
        self.options = options
        self.system_prompt = options.system_prompt
        root = context.root
        local = (root / options.model).resolve()
        self._folder = local if local.is_relative_to(root.resolve()) and local.is_dir() else None
        self._model: Any = None
        self._tokenizer: Any = None
        self._threads: DaemonThreads | None = None
        self._queue: asyncio.Queue[_Waiting] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._lock = threading.Lock()

    def fingerprint(self) -> Mapping[str, str]:
        """Model and revision (a digest of the files where it is a workspace folder), and options."""
        version = self.options.revision or "as cached"
        if self._folder is not None:
            files = sorted({path for pattern in _WEIGHT_FILES for path in self._folder.glob(pattern)})
            version = digest({path.name: file_digest(path) for path in files})
        hidden = {"device", "batch_size", "batch_wait_ms", "system_prompt"}
        return {
            "kind": self.kind,
            "model": self.options.model,
            "version": version,
            "system_prompt": digest(self.system_prompt) if self.system_prompt else "none",
            "options": digest(self.options.model_dump(mode="json", exclude=hidden)),
        }

    def describe(self) -> JsonObject:
        """The configuration for people to read."""
        shown: JsonObject = self.options.model_dump(mode="json", exclude_defaults=True)
        return {"name": self.name, "kind": self.kind, **shown}

    async def start(self) -> None:
        """Load the model. Raises InputError where the extra is not installed or the model is not here."""
        if self._worker is not None:
            return
        await asyncio.to_thread(self._load)
        self._threads = DaemonThreads(1, f"target-{self.name}")
        self._queue = asyncio.Queue()
        self._worker = asyncio.create_task(self._serve(self._queue, self._threads))

    async def close(self) -> None:
        """Stop generating and release the model. Safe to call twice."""
        worker, self._worker = self._worker, None
        queue, self._queue = self._queue, None
        if worker is not None:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        while queue is not None and not queue.empty():
            queue.get_nowait().future.cancel()
        if self._threads is not None:
            self._threads.close()
        self._model = self._tokenizer = self._threads = None

    async def respond(self, request: TargetRequest) -> TargetReply:
        """Generate one answer. Raises TargetFailure."""
        if self._queue is None:
            raise TargetFailure(
                "the target is not started", kind=FailureKind.CRASH, where=self.where, hint="await start()"
            )
        messages: Sequence[Message] = request.messages
        if self.system_prompt:
            messages = with_system_prompt(messages, self.system_prompt)
        if request.documents:
            messages = with_documents(messages, request.documents, as_system=False)
        waiting = _Waiting(
            self._prompt(messages), request.seed & 0x7FFFFFFF, asyncio.get_running_loop().create_future()
        )
        await self._queue.put(waiting)
        return await waiting.future

    def _load(self) -> None:
        """Load tokenizer and model, from files alone: code of a model's maker is never run."""
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise InputError(
                f"{self.where}: local models need transformers and torch ({error.name} is missing)",
                hint="pip install 'safecase[transformers]'",
            ) from None
        source = str(self._folder or self.options.model)
        shared = {"local_files_only": True, "trust_remote_code": False, "revision": self.options.revision}
        if self._folder is not None:
            del shared["revision"]
        dtype: Any = self.options.dtype
        if dtype != "auto":
            dtype = getattr(torch, dtype, None)
            if not isinstance(dtype, torch.dtype):
                raise InputError(f"{self.where}: option 'dtype': '{self.options.dtype}' is no torch dtype")
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left", **shared)
            # Pickled weights could run code; only safetensors are read.
            model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, use_safetensors=True, **shared)
            self._model = model.to(self.options.device).eval()
        except Exception as error:  # noqa: BLE001 - the library raises many kinds for a missing model
            raise InputError(
                f"{self.where}: the model '{self.options.model}' cannot be loaded: {crash_line(error)}",
                hint="it must be in the workspace or the local Hugging Face cache; nothing is downloaded",
            ) from None
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token

    def _prompt(self, messages: Sequence[Message]) -> str:
        """The conversation through the model's chat template, or as plain ``role: text`` lines."""
        tokenizer = self._tokenizer
        if getattr(tokenizer, "chat_template", None):
            try:
                text: str = tokenizer.apply_chat_template(
                    plain_messages(messages), tokenize=False, add_generation_prompt=True
                )
            except Exception as error:  # noqa: BLE001 - templates raise what their authors chose
                raise TargetFailure(
                    f"the model's chat template refuses the conversation: {crash_line(error)}",
                    kind=FailureKind.BAD_REQUEST,
                    where=self.where,
                ) from None
            return text
        lines = [f"{message.role.value}: {message.text}" for message in messages]
        return "\n".join([*lines, "assistant:"])

    async def _serve(self, queue: asyncio.Queue[_Waiting], threads: DaemonThreads) -> None:
        """Gather waiting requests into batches, one after the other."""
        sampled = self.options.temperature > 0
        while True:
            batch = [await queue.get()]
            # Sampling draws from one generator, so that a reply would depend on what shares its batch.
            if not sampled:
                await self._gather(batch, queue)
            # Who gave up while waiting must not cost a place.
            batch = [item for item in batch if not item.future.done()]
            if not batch:
                continue
            try:
                replies = await threads.run(lambda batch=batch: self._generate(batch))  # type: ignore[misc]
            except asyncio.CancelledError:
                for item in batch:
                    item.future.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - out of memory and the like: a failure of these calls
                for item in batch:
                    if not item.future.done():
                        item.future.set_exception(crash(error, where=self.where))
                continue
            for item, reply in zip(batch, replies, strict=True):
                if not item.future.done():
                    item.future.set_result(reply)

    async def _gather(self, batch: list[_Waiting], queue: asyncio.Queue[_Waiting]) -> None:
        """Fill ``batch`` with what arrives within the wait."""
        try:
            async with asyncio.timeout(self.options.batch_wait_ms / 1000):
                while len(batch) < self.options.batch_size:
                    batch.append(await queue.get())
        except TimeoutError:
            return

    def _generate(self, batch: Sequence[_Waiting]) -> list[TargetReply]:
        """The replies of a batch. Blocks."""
        import torch

        options, tokenizer, model = self.options, self._tokenizer, self._model
        inputs = tokenizer(
            [item.prompt for item in batch], return_tensors="pt", padding=True, add_special_tokens=False
        ).to(options.device)
        sampling: dict[str, Any] = {"do_sample": False}
        if options.temperature > 0:
            sampling = {"do_sample": True, "temperature": options.temperature, "top_p": options.top_p}
        # The generator is the process's own: one generation at a time, so that a seed means one answer.
        with self._lock, torch.inference_mode():
            torch.manual_seed(batch[0].seed)
            output = model.generate(
                **inputs,
                **sampling,
                max_new_tokens=options.max_new_tokens,
                pad_token_id=tokenizer.pad_token_id,
            )
        width = inputs["input_ids"].shape[1]
        return [
            self._reply(output[index, width:].tolist(), int(inputs["attention_mask"][index].sum()))
            for index in range(len(batch))
        ]

    def _reply(self, tokens: list[int], input_tokens: int) -> TargetReply:
        """The reply in the tokens behind the prompt, up to the first that ends it."""
        ends = self._model.generation_config.eos_token_id
        stops = set(ends if isinstance(ends, list) else [ends])
        stop = next((index for index, token in enumerate(tokens) if token in stops), None)
        kept = tokens if stop is None else tokens[:stop]
        text = replace_surrogates(self._tokenizer.decode(kept, skip_special_tokens=True))
        return TargetReply(
            messages=(Message(role=MessageRole.ASSISTANT, content=text.strip()),),
            finish_reason="length" if stop is None else "stop",
            model=self.options.model,
            usage=Usage(input_tokens=input_tokens, output_tokens=len(kept), calls=1),
        )

"""What a workspace configures beside risks and suites: targets, their limits, scorers, defaults."""

from __future__ import annotations

from pydantic import Field, model_validator

from safecase.base import Identifier, JsonObject, PythonReference, Record


class Limits(Record):
    """How hard the engine may drive a target. None means no limit of that kind."""

    concurrency: int = Field(default=64, ge=1, le=4096)
    """Ceiling of the adaptive concurrency."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)
    timeout_seconds: float = Field(default=60.0, gt=0)
    """For one call."""
    tries: int = Field(default=4, ge=1, le=20)
    """Calls per turn before a retryable failure becomes an error outcome."""
    backoff_seconds: float = Field(default=0.5, gt=0)
    """First pause; doubles with each try, with jitter; a server's Retry-After wins."""
    backoff_ceiling_seconds: float = Field(default=30.0, gt=0)
    maximum_calls: int | None = Field(default=None, ge=1)
    maximum_cost_usd: float | None = Field(default=None, gt=0)
    maximum_response_bytes: int = Field(default=4_000_000, ge=1024)


class Price(Record):
    """Price of one model in US dollars per million tokens."""

    input_per_million: float = Field(ge=0)
    output_per_million: float = Field(ge=0)
    cached_per_million: float | None = Field(default=None, ge=0)


class TargetConfiguration(Record):
    """A target as the workspace declares it. ``options`` are checked by the target's kind."""

    id: Identifier
    kind: str
    options: JsonObject = {}
    limits: Limits = Limits()
    price: Price | None = None
    component: str = ""
    """The component of the system that this target reaches."""


class ScorerConfiguration(Record):
    """A named scorer: a kind of scorer, or a class of the workspace, with fixed parameters, and the card that
    measures it."""

    id: Identifier
    scorer: str = ""
    """Kind of scorer: a name of the registry."""
    python: PythonReference | None = None
    """Or a class of a Python file of the workspace: ``my_scorers:Short``. `safecase run` imports it."""
    parameters: JsonObject = {}
    card: str = ""
    """Workspace-relative file of the scorer card."""

    @model_validator(mode="after")
    def _one_of_both(self) -> ScorerConfiguration:
        if bool(self.scorer) == (self.python is not None):
            raise ValueError("needs either 'scorer' (a kind) or 'python' (module:class)")
        return self


class Defaults(Record):
    """What commands use where the caller says nothing."""

    target: str = ""
    gate: str = ""
    repeats: int = Field(default=1, ge=1)
    store: str = "runs"
    """Folder or fsspec URL of the run logs, relative to the workspace."""
    signing_key_env: str = "SAFECASE_SIGNING_KEY"
    registrar: str = ""
    """Command or https URL that gives a run its nonce after it has seen the plan's digest; empty: a nonce of
    one's own."""
    seed: int | None = None
    """Of older workspaces, and no order follows from it: with one order for ever a team fits itself to its
    front. `safecase check` says so; `safecase run --seed N` makes an exploratory run."""

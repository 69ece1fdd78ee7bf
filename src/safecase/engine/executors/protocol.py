"""What an executor is given, and what it has to do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from safecase.base import InfrastructureError
from safecase.engine._attempt_recorder import AttemptRecorder
from safecase.engine._dispatcher import Dispatcher
from safecase.engine.attempts._scoring import ScorerSet
from safecase.engine.calls._limits import Budget
from safecase.model import Target

if TYPE_CHECKING:
    # A request names its executor, so at run time the request's module comes after this one.
    from safecase.engine.request import RunRequest


@dataclass(frozen=True)
class Assignment:
    """A run to carry through: what was asked for, and the live parts that all executors share."""

    run_id: str
    request: RunRequest
    scorers: ScorerSet
    budget: Budget
    draws: Dispatcher
    recorder: AttemptRecorder


@dataclass
class ExecutorState:
    """What an executor tells the progress display."""

    concurrency: float = 0.0
    retries: int = 0


class Executor(Protocol):
    """Does the attempts that the dispatcher hands out and gives each to the recorder.

    Returns when the dispatcher hands out nothing more and nothing is in flight. A draw that was handed out
    and not carried through is put back. Cancellation drops what is in flight (and puts it back).
    """

    name: str

    async def execute(self, assignment: Assignment) -> None:
        """Carry the run through. Raises InfrastructureError where no attempt can be made at all."""

    def state(self) -> ExecutorState:
        """For the progress display."""


async def start_target(target: Target) -> None:
    """Open the target; whatever goes wrong is an InfrastructureError that says which target."""
    try:
        await target.start()
    except InfrastructureError:
        raise
    except Exception as error:
        raise InfrastructureError(
            f"the target '{target.name}' could not be started: {type(error).__name__}: {error}",
            hint="mend the target's configuration, then run `safecase resume`",
        ) from error

"""An evidence pack checked by code that shares nothing with the code that made it.

    safecase-verify PACK                    # on the command line
    safecase_verify.verify_pack(path)       # in Python

How to read it: `pack` has the steps, in their order. `reading` opens the archive with distrust and turns its
JSON into records. `checks` holds the plan, the chain, the rules and the verdicts against what was committed
and recorded. `methods` recomputes each metric, one file a metric, with the intervals and sequential tests of
`statistics`. Nothing here imports safecase, numpy or scipy.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PLACES = {
    "errors": ("CheckFailed", "ExitCode", "InputError", "NotRecomputed", "VerifyError"),
    "methods._method": (
        "Method", "MethodInputs", "Recomputed", "open_status", "result_of", "settled",
        "status_against",
    ),
    "methods._units": ("made_draws",),
    "pack": (
        "INTEGRITY_ONLY", "PACKED_DIGEST", "PREDICATE_TYPE", "STATEMENT", "STATEMENT_TYPE", "WORKSPACE",
        "verify_pack",
    ),
    "progress": (
        "SCORED_AGAIN", "Progress", "Scoring", "Step", "VerificationReport", "VerificationStep",
    ),
    "reading.archive": ("open_pack", "read_entry"),
    "reading.raw_run": ("RawRun",),
    "reading.records": ("GateRule", "PackedWorkspace"),
    "reading.run": ("InOrder", "Look", "MASKED_CASES", "PackedRun", "packed_attempts"),
    "reading.keys": ("KnownKey", "decode_key", "key_id", "read_known_keys"),
    "reading.signature": ("LASTING", "MADE_FOR_ONE_PACK", "PAYLOAD_TYPE"),
    "statistics.intervals": ("Interval",),
}  # fmt: skip
"""Module → the names of it that others may use; loaded when they are asked for."""
_MODULES = {name: module for module, names in _PLACES.items() for name in names}
__all__ = sorted(_MODULES)

if TYPE_CHECKING:
    from safecase_verify.errors import CheckFailed as CheckFailed
    from safecase_verify.errors import ExitCode as ExitCode
    from safecase_verify.errors import InputError as InputError
    from safecase_verify.errors import NotRecomputed as NotRecomputed
    from safecase_verify.errors import VerifyError as VerifyError
    from safecase_verify.methods._method import Method as Method
    from safecase_verify.methods._method import MethodInputs as MethodInputs
    from safecase_verify.methods._method import Recomputed as Recomputed
    from safecase_verify.methods._method import open_status as open_status
    from safecase_verify.methods._method import result_of as result_of
    from safecase_verify.methods._method import settled as settled
    from safecase_verify.methods._method import status_against as status_against
    from safecase_verify.methods._units import made_draws as made_draws
    from safecase_verify.pack import INTEGRITY_ONLY as INTEGRITY_ONLY
    from safecase_verify.pack import PACKED_DIGEST as PACKED_DIGEST
    from safecase_verify.pack import PREDICATE_TYPE as PREDICATE_TYPE
    from safecase_verify.pack import STATEMENT as STATEMENT
    from safecase_verify.pack import STATEMENT_TYPE as STATEMENT_TYPE
    from safecase_verify.pack import WORKSPACE as WORKSPACE
    from safecase_verify.pack import verify_pack as verify_pack
    from safecase_verify.progress import SCORED_AGAIN as SCORED_AGAIN
    from safecase_verify.progress import Progress as Progress
    from safecase_verify.progress import Scoring as Scoring
    from safecase_verify.progress import Step as Step
    from safecase_verify.progress import VerificationReport as VerificationReport
    from safecase_verify.progress import VerificationStep as VerificationStep
    from safecase_verify.reading.archive import open_pack as open_pack
    from safecase_verify.reading.archive import read_entry as read_entry
    from safecase_verify.reading.keys import KnownKey as KnownKey
    from safecase_verify.reading.keys import decode_key as decode_key
    from safecase_verify.reading.keys import key_id as key_id
    from safecase_verify.reading.keys import read_known_keys as read_known_keys
    from safecase_verify.reading.raw_run import RawRun as RawRun
    from safecase_verify.reading.records import GateRule as GateRule
    from safecase_verify.reading.records import PackedWorkspace as PackedWorkspace
    from safecase_verify.reading.run import MASKED_CASES as MASKED_CASES
    from safecase_verify.reading.run import InOrder as InOrder
    from safecase_verify.reading.run import Look as Look
    from safecase_verify.reading.run import PackedRun as PackedRun
    from safecase_verify.reading.run import packed_attempts as packed_attempts
    from safecase_verify.reading.signature import LASTING as LASTING
    from safecase_verify.reading.signature import MADE_FOR_ONE_PACK as MADE_FOR_ONE_PACK
    from safecase_verify.reading.signature import PAYLOAD_TYPE as PAYLOAD_TYPE
    from safecase_verify.statistics.intervals import Interval as Interval


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(f"{__name__}.{_MODULES[name]}"), name)

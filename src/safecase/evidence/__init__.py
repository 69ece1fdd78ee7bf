"""Packs that anyone can check: signing, masking, and a second computation apart from the gate's."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.evidence._packed_workspace import is_workspace_file as is_workspace_file
    from safecase.evidence._packed_workspace import parse_workspace as parse_workspace
    from safecase.evidence._parallel import in_order as in_order
    from safecase.evidence.chain import chain_for as chain_for
    from safecase.evidence.pack import PackSummary as PackSummary
    from safecase.evidence.pack import build_pack as build_pack
    from safecase.evidence.pack import readme as readme
    from safecase.evidence.redaction import Redactor as Redactor
    from safecase.evidence.rescoring import Rescoring as Rescoring
    from safecase.evidence.signing import load_key as load_key
    from safecase.evidence.signing import new_key as new_key
    from safecase_verify.methods import METHODS as METHODS
    from safecase_verify.methods._method import Method as Method
    from safecase_verify.methods._method import MethodInputs as MethodInputs
    from safecase_verify.methods._method import Recomputed as Recomputed
    from safecase_verify.methods._method import open_status as open_status
    from safecase_verify.methods._method import result_of as result_of
    from safecase_verify.methods._method import status_against as status_against
    from safecase_verify.methods._units import made_draws as made_draws
    from safecase_verify.pack import INTEGRITY_ONLY as INTEGRITY_ONLY
    from safecase_verify.pack import Progress as Progress
    from safecase_verify.pack import VerificationReport as VerificationReport
    from safecase_verify.pack import verify_pack as verify_pack
    from safecase_verify.reading.archive import read_entry as read_entry
    from safecase_verify.reading.keys import KnownKey as KnownKey
    from safecase_verify.reading.keys import decode_key as decode_key
    from safecase_verify.reading.keys import read_known_keys as read_known_keys
    from safecase_verify.reading.raw_run import RawRun as RawRun
    from safecase_verify.reading.run import packed_attempts as packed_attempts
    from safecase_verify.statistics.intervals import Interval as Interval
    from safecase_verify.statistics.sequential import NotRecomputed as NotRecomputed
else:
    __getattr__, __dir__ = lazy_exports(__name__)

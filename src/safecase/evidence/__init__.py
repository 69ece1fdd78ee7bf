"""Packs that anyone can check: signing, masking, and what is done again beside the verifier of its own."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.evidence._masking import mask_files as mask_files
    from safecase.evidence._packed_workspace import is_workspace_file as is_workspace_file
    from safecase.evidence._packed_workspace import packed_workspace as packed_workspace
    from safecase.evidence._packed_workspace import parse_workspace as parse_workspace
    from safecase.evidence.chain import chain_for as chain_for
    from safecase.evidence.methods import METHODS as METHODS
    from safecase.evidence.pack import PackSummary as PackSummary
    from safecase.evidence.pack import build_pack as build_pack
    from safecase.evidence.pack import readme as readme
    from safecase.evidence.redaction import Redactor as Redactor
    from safecase.evidence.rescoring import Rescoring as Rescoring
    from safecase.evidence.signing import load_key as load_key
    from safecase.evidence.signing import new_key as new_key
    from safecase.evidence.verification import check_evidence as check_evidence
    from safecase.evidence.verification import known_keys as known_keys
    from safecase.evidence.verification import packed_run as packed_run
else:
    __getattr__, __dir__ = lazy_exports(__name__)

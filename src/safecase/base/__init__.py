"""What everything stands on: records, digests, errors and exit codes, registries, files. No domain words."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.base.choose import did_you_mean as did_you_mean
    from safecase.base.digests import digest as digest
    from safecase.base.digests import digest_bytes as digest_bytes
    from safecase.base.errors import CheckFailed as CheckFailed
    from safecase.base.errors import EmptyDenominatorError as EmptyDenominatorError
    from safecase.base.errors import ExitCode as ExitCode
    from safecase.base.errors import InfrastructureError as InfrastructureError
    from safecase.base.errors import InputError as InputError
    from safecase.base.errors import InsufficientEvidenceError as InsufficientEvidenceError
    from safecase.base.errors import SafecaseError as SafecaseError
    from safecase.base.errors import WorkspaceError as WorkspaceError
    from safecase.base.json import JsonObject as JsonObject
    from safecase.base.json import JsonValue as JsonValue
    from safecase.base.json import canonical_json as canonical_json
    from safecase.base.package_data import package_words as package_words
    from safecase.base.package_data import package_yaml as package_yaml
    from safecase.base.problems import Problem as Problem
    from safecase.base.problems import ProblemLevel as ProblemLevel
    from safecase.base.problems import SourcePosition as SourcePosition
    from safecase.base.records import CaseIdentifier as CaseIdentifier
    from safecase.base.records import Identifier as Identifier
    from safecase.base.records import Record as Record
    from safecase.base.registry import Registry as Registry
else:
    __getattr__, __dir__ = lazy_exports(__name__)

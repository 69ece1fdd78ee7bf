"""What everything stands on: records, digests, errors and exit codes, registries, files. No domain words."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.base.choose import did_you_mean as did_you_mean
    from safecase.base.choose import suggest as suggest
    from safecase.base.digests import digest as digest
    from safecase.base.digests import digest_bytes as digest_bytes
    from safecase.base.errors import CheckFailed as CheckFailed
    from safecase.base.errors import EmptyDenominatorError as EmptyDenominatorError
    from safecase.base.errors import ExitCode as ExitCode
    from safecase.base.errors import InfrastructureError as InfrastructureError
    from safecase.base.errors import InputError as InputError
    from safecase.base.errors import InsufficientEvidenceError as InsufficientEvidenceError
    from safecase.base.errors import SafecaseError as SafecaseError
    from safecase.base.errors import StatisticsError as StatisticsError
    from safecase.base.errors import WorkspaceError as WorkspaceError
    from safecase.base.errors import as_ours as as_ours
    from safecase.base.files import file_digest as file_digest
    from safecase.base.files import files_digest as files_digest
    from safecase.base.files import read_text_inside as read_text_inside
    from safecase.base.files import resolve_inside as resolve_inside
    from safecase.base.files import root_from_environment as root_from_environment
    from safecase.base.json import JsonObject as JsonObject
    from safecase.base.json import JsonValue as JsonValue
    from safecase.base.json import canonical_json as canonical_json
    from safecase.base.kinds import Kind as Kind
    from safecase.base.kinds import KindRegistry as KindRegistry
    from safecase.base.kinds import NoParameters as NoParameters
    from safecase.base.kinds import Registered as Registered
    from safecase.base.locks import try_lock as try_lock
    from safecase.base.package_data import package_words as package_words
    from safecase.base.package_data import package_yaml as package_yaml
    from safecase.base.parquet import parquet_rows as parquet_rows
    from safecase.base.problems import Problem as Problem
    from safecase.base.problems import ProblemLevel as ProblemLevel
    from safecase.base.problems import SourcePosition as SourcePosition
    from safecase.base.records import PYTHON_REFERENCE as PYTHON_REFERENCE
    from safecase.base.records import CaseIdentifier as CaseIdentifier
    from safecase.base.records import Identifier as Identifier
    from safecase.base.records import PythonReference as PythonReference
    from safecase.base.records import Record as Record
    from safecase.base.registry import Origin as Origin
    from safecase.base.registry import PluginTable as PluginTable
    from safecase.base.registry import Registry as Registry
    from safecase.base.ssh_signatures import fingerprint as fingerprint
    from safecase.base.ssh_signatures import public_line as public_line
    from safecase.base.ssh_signatures import read_armour as read_armour
    from safecase.base.ssh_signatures import read_public_key as read_public_key
    from safecase.base.ssh_signatures import sign_message as sign_message
    from safecase.base.ssh_signatures import verify_message as verify_message
    from safecase.base.surrogates import cover_surrogates as cover_surrogates
    from safecase.base.surrogates import replace_surrogates as replace_surrogates
    from safecase.base.surrogates import replace_surrogates_within as replace_surrogates_within
    from safecase.base.validation import Mistake as Mistake
    from safecase.base.validation import describe as describe
    from safecase.base.validation import field_names as field_names
    from safecase.base.validation import mistakes as mistakes
    from safecase.base.version import VERSION as VERSION
    from safecase.base.yaml_nodes import Node as Node
    from safecase.base.yaml_nodes import YamlSyntaxError as YamlSyntaxError
    from safecase.base.yaml_nodes import compose_yaml as compose_yaml
    from safecase.base.yaml_nodes import load_own_yaml as load_own_yaml
    from safecase.base.zstd import FrameWriter as FrameWriter
    from safecase.base.zstd import ZstdError as ZstdError
    from safecase.base.zstd import compress_frame as compress_frame
    from safecase.base.zstd import decompress_frame as decompress_frame
    from safecase.base.zstd import decompressed_pieces as decompressed_pieces
else:
    __getattr__, __dir__ = lazy_exports(__name__)

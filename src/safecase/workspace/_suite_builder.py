"""From a suite's declaration to its cases: own cases, templates, data sets, built-in suites, variants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safecase.base import InputError, suggest
from safecase.model import AttackClass, Case, CaseSource, Dataset, MessageRole, Selector, Suite
from safecase.workspace._case_builder import build_case, expand_template
from safecase.workspace._datasets import column_value, dataset_path, file_digest, read_rows
from safecase.workspace._validation import validate_at
from safecase.workspace.yaml_reader import LocatedDocument, Path_, read_yaml

SUITE_KEYS = (
    "id", "title", "description", "owner", "tags", "public_benchmark", "reviewed", "review_due", "licence",
    "repeats", "pool", "defaults", "cases", "templates", "datasets", "variants", "use", "risk", "risks",
    "select", "limit_per_family",
)  # fmt: skip
_BUILDING_KEYS = SUITE_KEYS[SUITE_KEYS.index("defaults") :]


@dataclass
class BuiltSuite:
    """A suite, where its cases stand, and what data stands behind it."""

    suite: Suite
    positions: dict[str, Path_] = field(default_factory=dict)
    data_digests: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """Data set id → path, digest, rows."""
    public_families: set[str] = field(default_factory=set)
    """Those that anybody can read elsewhere."""


def build_suite(
    data: Mapping[str, Any], document: LocatedDocument, path: Path_, root: Path
) -> BuiltSuite | None:
    """Build one suite; every mistake is noted in ``document``."""
    for key in data:
        if key not in SUITE_KEYS:
            hint = suggest(key, SUITE_KEYS)
            document.problem((*path, key), "unknown-key", f"a suite has no '{key}'", hint=hint, key=True)
    use = data.get("use")
    head = {key: value for key, value in data.items() if key not in _BUILDING_KEYS and key in SUITE_KEYS}
    head.setdefault("id", use)
    suite = validate_at(Suite, head, document, path, what=f"suite '{head.get('id')}'")
    if suite is None:
        return None
    built = BuiltSuite(suite)
    before = len(document.problems)
    cases: list[Case] = []
    if use is not None:
        cases.extend(_builtin_cases(data, suite, document, path, root))
        built.public_families.update(case.family for case in cases)
    defaults = data.get("defaults") or {}
    if not isinstance(defaults, dict):
        document.problem(
            (*path, "defaults"), "wrong-value", "'defaults' is a mapping of case fields", key=True
        )
        defaults = {}
    base = {**defaults, "suite": suite.id}
    for index, fields, place in _declared(data, document, path):
        del index
        cases.extend(_one(build_case({**base, **fields}, document, place), built, place))
    for index, item in enumerate(_sequence(data, "datasets", document, path)):
        place = (*path, "datasets", index)
        cases.extend(_dataset_cases(item, base, document, place, root, built))
    cases.extend(_variants(data, cases, document, path))
    if not cases and len(document.problems) == before:
        document.problem(
            path, "empty-suite", f"suite '{suite.id}' holds no case", hint="add cases:, or remove it"
        )
        return None
    built.suite = suite.model_copy(update={"cases": tuple(cases)})
    built.public_families.update(
        case.family for case in cases if suite.public_benchmark or case.source is CaseSource.PUBLIC_BENCHMARK
    )
    for case in cases:
        built.positions.setdefault(case.id, path)
    return built


def _one(case: Case | None, built: BuiltSuite, place: Path_) -> Iterable[Case]:
    """The case, its place noted; nothing where it did not build."""
    if case is None:
        return ()
    built.positions[case.id] = place
    return (case,)


def _sequence(data: Mapping[str, Any], key: str, document: LocatedDocument, path: Path_) -> list[Any]:
    """The list under ``key``; another kind of value is noted as a mistake."""
    value = data.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        document.problem((*path, key), "wrong-value", f"'{key}' is a list", key=True)
        return []
    return value


def _declared(
    data: Mapping[str, Any], document: LocatedDocument, path: Path_
) -> Iterable[tuple[int, dict[str, Any], Path_]]:
    """The fields of the suite's own cases and of what its templates expand to."""
    for index, item in enumerate(_sequence(data, "cases", document, path)):
        place = (*path, "cases", index)
        if isinstance(item, dict):
            yield index, item, place
        else:
            document.problem(place, "wrong-value", "a case is a mapping such as {id: …, prompt: …}")
    for index, item in enumerate(_sequence(data, "templates", document, path)):
        place = (*path, "templates", index)
        if not isinstance(item, dict):
            document.problem(place, "wrong-value", "a template is a mapping such as {id: …, prompt: …}")
            continue
        for fields in expand_template(item, document, place):
            yield index, fields, place


def _dataset_cases(
    item: Any, base: Mapping[str, Any], document: LocatedDocument, path: Path_, root: Path, built: BuiltSuite
) -> list[Case]:
    if not isinstance(item, dict):
        document.problem(path, "wrong-value", "a data set is a mapping such as {id: …, path: …}")
        return []
    fields = dict(item)
    root_env = str(fields.pop("root_env", "") or "")
    dataset = validate_at(Dataset, fields, document, path, what=f"data set '{fields.get('id')}'")
    if dataset is None:
        return []
    cases: list[Case] = []
    try:
        remote = dataset.format is not None and dataset.format.value == "hugging_face"
        file = None if remote else dataset_path(dataset, root, root_env)
        for number, row in read_rows(dataset, file):
            values: dict[str, Any] = {**base, **dataset.defaults}
            for name, column in dataset.columns.items():
                value = column_value(row, column)
                if value is not None:
                    values[name] = value
            values.setdefault("id", f"{dataset.id}-{number}")
            local = LocatedDocument(f"{dataset.path}:row {number}", catalogs=document.catalogs)
            case = build_case(values, local, ())
            if case is None:
                # The others of a row mostly follow from its first.
                document.problems.extend(local.problems[:1])
                # A column that was named wrongly is wrong in every row; nobody reads the rest.
                if len(document.problems) > 50:
                    break
                continue
            cases.append(case)
        if file is not None:
            built.data_digests[dataset.id] = (dataset.path, file_digest(file), len(cases))
        else:
            built.public_families.update(case.family for case in cases)
    except InputError as error:
        document.problem(path, "data-set", f"data set '{dataset.id}': {error.render()}")
    return cases


def _builtin_cases(
    data: Mapping[str, Any], suite: Suite, document: LocatedDocument, path: Path_, root: Path
) -> list[Case]:
    from safecase.workspace.library._builtin_suites import builtin_suite_names, suite_path
    from safecase.workspace.library._media_files import with_media

    del root
    name = str(data["use"])
    if name not in builtin_suite_names():
        hint = suggest(name, builtin_suite_names())
        document.problem((*path, "use"), "unknown-suite", f"there is no built-in suite '{name}'", hint=hint)
        return []
    source = read_yaml(Path(str(suite_path(name))), f"built-in suite {name}")
    cases: list[Case] = []
    for index, item in enumerate(source.data.get("suites", [])):
        if item.get("id") == name:
            made = build_suite(item, source, ("suites", index), Path(str(suite_path(name))).parent)
            cases.extend(map(with_media, made.suite.cases if made else ()))
    document.problems.extend(source.problems)
    mapping = data.get("risks") if isinstance(data.get("risks"), dict) else {}
    try:
        selector = Selector.parse(str(data.get("select") or ""))
    except InputError as error:
        document.problem((*path, "select"), "selector", error.message, hint=error.hint)
        return []
    limit, kept, chosen = data.get("limit_per_family"), dict[str, int](), list[Case]()
    for case in cases:
        kept[case.family] = kept.get(case.family, 0) + 1
        if not selector.matches(case) or (isinstance(limit, int) and kept[case.family] > limit):
            continue
        risk = data.get("risk") or (mapping or {}).get(case.risk, case.risk)
        chosen.append(case.model_copy(update={"suite": suite.id, "risk": str(risk)}))
    return chosen


def _variants(
    data: Mapping[str, Any], cases: list[Case], document: LocatedDocument, path: Path_
) -> list[Case]:
    """The suite's cases once more, written by converters."""
    made: list[Case] = []
    for index, item in enumerate(_sequence(data, "variants", document, path)):
        place = (*path, "variants", index)
        options = item if isinstance(item, dict) else {"converters": item}
        chain = options.get("converters")
        chain = [chain] if isinstance(chain, str) else chain
        if not isinstance(chain, list) or not chain or not all(isinstance(name, str) for name in chain):
            document.problem(
                place, "wrong-value", "a variant is a list of converters such as [rot13, base64]"
            )
            continue
        try:
            from safecase.attacks import apply_chain

            selector = Selector.parse(str(options.get("select") or ""))
            for case in cases:
                if case.attack is not None and not case.converters and selector.matches(case):
                    made.append(_converted(case, chain, options, apply_chain))
        except InputError as error:
            document.problem(place, "variant", error.message, hint=error.hint)
    return made


def _converted(case: Case, chain: list[str], options: Mapping[str, Any], apply_chain: Any) -> Case:
    """A case with its last user message written by a chain of converters."""
    messages = list(case.messages)
    for position in range(len(messages) - 1, -1, -1):
        if messages[position].role is MessageRole.USER:
            text = apply_chain(chain, messages[position].text)
            messages[position] = messages[position].model_copy(update={"content": text})
            break
    update: dict[str, Any] = {
        "id": f"{case.id}~{'+'.join(chain)}",
        "messages": tuple(messages),
        "converters": tuple(chain),
        "tags": (*case.tags, *(options.get("tags") or ())),
        "benign_twin": "",
    }
    if not options.get("keep_attack"):
        update["attack"] = AttackClass.ENCODING_ATTACK
    return case.model_copy(update=update)

"""From a workspace's controls, or plain data, to a guard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from safecase.base import InputError, JsonObject, describe, digest
from safecase.guard._check import Check, RemoteCheck
from safecase.guard._content import Content
from safecase.guard._pipeline import MAXIMUM_CHARACTERS, Guard, GuardCheck
from safecase.guard._registry import CHECKS, create_check, make_check
from safecase.model import (
    BuildContext,
    Control,
    ControlLayer,
    GuardCheckConfiguration,
    GuardDecision,
    Severity,
)


def is_guard_control(control: Control) -> bool:
    """Whether the control declares a check of the guard."""
    return "check" in control.configuration or "python" in control.configuration


def check_configuration(control: Control) -> GuardCheckConfiguration:
    """The check that a control declares. Raises InputError naming the control and each wrong field."""
    where = f"control '{control.id}'"
    try:
        return GuardCheckConfiguration.model_validate(control.configuration)
    except ValidationError as error:
        raise InputError(describe(error, GuardCheckConfiguration), where=where) from None


def build_check(
    name: str,
    configuration: GuardCheckConfiguration,
    context: BuildContext,
    *,
    severe: bool = True,
    risks: tuple[str, ...] = (),
    layer: ControlLayer | None = None,
) -> GuardCheck:
    """One check ready to run. ``severe``: a sev1 risk hangs on it, so its failure blocks unless declared."""
    where = f"check '{name}'"
    try:
        if configuration.python is None:
            check, code = make_check(configuration.check, configuration.parameters, context), ""
        else:
            check, code = _workspace_check(configuration.python, configuration.parameters, context)
    except InputError as error:
        place = f"{where}: {error.where}" if error.where == "parameters" else error.where or where
        raise InputError(error.message, where=place, hint=error.hint) from None
    closed = severe if configuration.on_failure is None else configuration.on_failure == "closed"
    return GuardCheck(
        id=name,
        check=check,
        surfaces=frozenset(configuration.surfaces),
        fail_closed=closed,
        timeout_seconds=configuration.timeout_ms / 1000 if configuration.timeout_ms else None,
        remote=configuration.remote,
        risks=risks,
        layer=layer,
        configuration_digest=_digest(configuration, code),
        kind=configuration.check,
    )


def _digest(configuration: GuardCheckConfiguration, code: str) -> str:
    """Of the check as it is configured, and of its code where that is the workspace's own."""
    # Without code of its own nothing is said of it, so that versions of guards stay what they were.
    plain = configuration.model_dump(mode="json", exclude=None if code else {"python"})
    return digest({**plain, "code": code} if code else plain)


def _workspace_check(
    reference: str, parameters: JsonObject, context: BuildContext
) -> tuple[Check | RemoteCheck, str]:
    """A check from a Python file of the workspace, which is imported, and the digest of its code."""
    from safecase.targets import CodeReference

    code = CodeReference.parse(reference, context.root, what=f"python '{reference}'")
    code.require_file()
    kind = CHECKS.adopt(code.attribute, code.load(), where=reference)
    return create_check(kind, parameters, context), code.version()


def guard_from_controls(
    controls: Iterable[Control],
    severities: Mapping[str, Severity],
    context: BuildContext,
    *,
    name: str = "guard",
    maximum_characters: int = MAXIMUM_CHARACTERS,
    on_decision: Callable[[GuardDecision, Content], None] | None = None,
) -> Guard:
    """The guard that a workspace's controls declare, in their order.

    ``severities``: risk → severity. Raises InputError where no control declares a check.
    """
    checks = []
    for control in controls:
        if not is_guard_control(control):
            continue
        configuration = check_configuration(control)
        if not configuration.enabled:
            continue
        severe = any(severities.get(risk, Severity.SEV1) is Severity.SEV1 for risk in control.risks)
        checks.append(
            build_check(
                control.id,
                configuration,
                context,
                severe=severe,
                risks=control.risks,
                layer=control.layer,
            )
        )
    if not checks:
        raise InputError(
            "no control declares a check for the guard",
            hint="give a control in controls.yaml a configuration with 'check: injection', for instance",
        )
    return Guard(checks, name=name, maximum_characters=maximum_characters, on_decision=on_decision)


def guard_from_mapping(
    checks: Mapping[str, Any], *, context: BuildContext | None = None, **options: Any
) -> Guard:
    """A guard outside of any workspace: name → kind of check, or name → its declaration.

    ``{"pii": "pii", "jailbreaks": {"check": "injection", "parameters": {"block_at": 0.9}}}``. Checks fail
    closed unless declared otherwise. ``options`` go to `Guard`.
    """
    built = []
    for name, declared in checks.items():
        data = {"check": declared} if isinstance(declared, str) else declared
        try:
            configuration = GuardCheckConfiguration.model_validate(data)
        except ValidationError as error:
            raise InputError(describe(error, GuardCheckConfiguration), where=f"check '{name}'") from None
        if configuration.enabled:
            built.append(build_check(name, configuration, context or BuildContext()))
    return Guard(built, **options)

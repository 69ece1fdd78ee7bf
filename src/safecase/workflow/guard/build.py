"""The guard of a workspace, and a target behind it."""

from __future__ import annotations

from safecase.base import InputError, Problem, ProblemLevel
from safecase.guard import (
    Guard,
    GuardedTarget,
    build_check,
    check_configuration,
    guard_from_controls,
    is_guard_control,
)
from safecase.model import BuildContext, Target
from safecase.workflow._project import Project


def workspace_guard(project: Project, target: Target | None = None) -> Guard:
    """The guard that the workspace's controls declare; raises InputError where none does."""
    workspace = project.workspace
    context = BuildContext(
        root=workspace.root,
        canaries=target.canaries if target else (),
        system_prompt=target.system_prompt if target else "",
    )
    severities = {risk.id: risk.severity for risk in workspace.risks}
    return guard_from_controls(workspace.controls, severities, context, name=workspace.system.id)


def guard_problems(project: Project) -> list[Problem]:
    """What is wrong in the controls that declare a check: each with the control's line."""
    workspace = project.workspace
    context = BuildContext(root=workspace.root)
    problems = []
    for control in workspace.controls:
        if not is_guard_control(control):
            continue
        try:
            configuration = check_configuration(control)
            if configuration.python is None:
                build_check(control.id, configuration, context)
            else:
                # Reading a workspace runs no code of it; that its file is there can be told without.
                from safecase.targets import CodeReference

                where = f"check '{control.id}'"
                CodeReference.parse(configuration.python, workspace.root, what=where).require_file()
        except InputError as error:
            problems.append(
                Problem(
                    code="guard-check",
                    level=ProblemLevel.ERROR,
                    message=f"control '{control.id}': {error.message}",
                    position=workspace.position("controls", control.id),
                    hint=error.hint,
                )
            )
    return problems


def behind_guard(project: Project, target: Target, *, without: tuple[str, ...] = ()) -> GuardedTarget:
    """The target behind the workspace's guard, some checks left out perhaps."""
    guard = workspace_guard(project, target)
    return GuardedTarget(target, guard.without(*without) if without else guard)

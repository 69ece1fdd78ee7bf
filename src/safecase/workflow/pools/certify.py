"""A certification: sealed families, a new member of each, and one word at the end."""

from __future__ import annotations

from dataclasses import replace

from safecase.base import InputError
from safecase.engine import ProgressCallback
from safecase.model import RunPurpose
from safecase.workflow._project import Project
from safecase.workflow.run import PreparedRun, RunOptions, prepare


def prepare_certification(
    project: Project, options: RunOptions, *, progress: ProgressCallback | None = None
) -> PreparedRun:
    """Resolve everything that a certification needs; nothing is called.

    Raises InputError where no family is sealed or the options would let somebody choose cases or order, and
    InsufficientEvidenceError where the sealed families are too few for this try: it would be spent for
    nothing.
    """
    if options.select or options.seed is not None or options.baseline:
        raise InputError("a certification takes the sealed families as they are, in an order of its own")
    return prepare(project, replace(options, purpose=RunPurpose.CERTIFICATION), progress=progress)

"""How each metric is recomputed: one file a metric, under the name that rules give it.

Written a second time on purpose, with the standard library alone, so that a fault of the gate cannot hide
here. A file without a leading underscore defines ``METHOD``; a test of safecase holds their names equal to
those of its metrics. Packages that add a metric add its method through the entry-point group
``safecase.metric_method``. What cannot be recomputed is named, never passed over.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from safecase_verify.errors import NotRecomputed

if TYPE_CHECKING:
    from safecase_verify.methods._method import Method

GROUP = "safecase.metric_method"


def find_method(metric: str) -> Method:
    """The method of a metric. Raises NotRecomputed where there is none that loads."""
    found = _load(metric)
    if isinstance(found, str):
        raise NotRecomputed(found)
    return found


def built_in_metrics() -> tuple[str, ...]:
    """The metrics that have a file here."""
    return tuple(
        sorted(item.name for item in pkgutil.iter_modules(__path__) if not item.name.startswith("_"))
    )


@cache
def _load(metric: str) -> Method | str:
    """The method, or why there is none."""
    from safecase_verify.methods._method import Method

    if metric in built_in_metrics():
        found: object = import_module(f"{__name__}.{metric}").METHOD
    else:
        from importlib.metadata import entry_points

        points = list(entry_points(group=GROUP, name=metric))
        if not points:
            return f"no method for the metric {metric}"
        try:
            found = points[0].load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code may fail in any way
            return f"the method for the metric {metric} does not load: {type(error).__name__}: {error}"
    return found if isinstance(found, Method) else f"what is installed for the metric {metric} is no method"

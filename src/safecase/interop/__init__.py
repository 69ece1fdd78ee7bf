"""Foreign formats, one module each."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.interop.atlas_navigator import navigator_layer as navigator_layer
    from safecase.interop.atlas_navigator import statuses_from_layer as statuses_from_layer
    from safecase.interop.junit import render_junit as render_junit
    from safecase.interop.sarif import render_sarif as render_sarif
else:
    __getattr__, __dir__ = lazy_exports(__name__)

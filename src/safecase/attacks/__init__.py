"""How a case becomes one or many attempts: converters that rewrite an attack's text."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.attacks._registry import CONVERTERS as CONVERTERS
    from safecase.attacks._registry import TextConverter as TextConverter
    from safecase.attacks._registry import apply_chain as apply_chain
else:
    __getattr__, __dir__ = lazy_exports(__name__)

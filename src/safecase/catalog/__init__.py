"""Public taxonomies as data: every entry addressed by (framework, version, id), every count from the data."""

from typing import TYPE_CHECKING

from safecase.base.facade import lazy_exports

if TYPE_CHECKING:
    from safecase.catalog.classes import AttackClassRecord as AttackClassRecord
    from safecase.catalog.classes import HarmClassRecord as HarmClassRecord
    from safecase.catalog.classes import attack_class as attack_class
    from safecase.catalog.classes import attack_classes as attack_classes
    from safecase.catalog.classes import harm_class as harm_class
    from safecase.catalog.classes import harm_classes as harm_classes
    from safecase.catalog.errors import CatalogError as CatalogError
    from safecase.catalog.errors import UnknownReferenceError as UnknownReferenceError
    from safecase.catalog.official import import_release as import_release
    from safecase.catalog.store import BUILTIN as BUILTIN
    from safecase.catalog.store import CatalogStore as CatalogStore
    from safecase.catalog.store import available as available
    from safecase.catalog.store import crosswalk as crosswalk
    from safecase.catalog.store import load as load
    from safecase.catalog.store import resolve as resolve
    from safecase.catalog.store import save as save
    from safecase.catalog.types import Catalog as Catalog
    from safecase.catalog.types import CatalogEntry as CatalogEntry
    from safecase.catalog.types import EntryLink as EntryLink
    from safecase.catalog.types import ReferenceLike as ReferenceLike
else:
    __getattr__, __dir__ = lazy_exports(__name__)

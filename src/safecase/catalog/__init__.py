"""Public taxonomies as data: every entry addressed by (framework, version, id), every count from the data."""

from __future__ import annotations

from safecase.catalog.classes import (
    AttackClassRecord,
    HarmClassRecord,
    attack_class,
    attack_classes,
    harm_class,
    harm_classes,
)
from safecase.catalog.errors import CatalogueError, UnknownReferenceError
from safecase.catalog.navigator import navigator_layer, statuses_from_layer
from safecase.catalog.store import BUILTIN, CatalogueStore, available, crosswalk, load, resolve, save
from safecase.catalog.types import Catalogue, CatalogueEntry, EntryLink, ReferenceLike

__all__ = [
    "BUILTIN",
    "AttackClassRecord",
    "Catalogue",
    "CatalogueEntry",
    "CatalogueError",
    "CatalogueStore",
    "EntryLink",
    "HarmClassRecord",
    "ReferenceLike",
    "UnknownReferenceError",
    "attack_class",
    "attack_classes",
    "available",
    "crosswalk",
    "harm_class",
    "harm_classes",
    "load",
    "navigator_layer",
    "resolve",
    "save",
    "statuses_from_layer",
]

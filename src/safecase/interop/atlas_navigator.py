"""Threat coverage as a layer file for MITRE's Navigator (THR-05), out and back in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safecase.catalog import Catalog, CatalogError

COLOURS = {"passed": "#a1d99b", "failed": "#fc9272", "tested": "#fdd49e", "untested": "#ffffff"}
"""Status → cell colour."""

LAYER_VERSION = "4.3"
NAVIGATOR_VERSION = "4.6.4"
DOMAIN = "atlas-atlas"
"""The values that MITRE's own ATLAS layers carry."""


def navigator_layer(
    catalog: Catalog,
    statuses: Mapping[str, str],
    *,
    name: str,
    description: str = "",
    comments: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A layer with one cell per technique of ``statuses`` (id → passed, failed, tested, untested).

    A technique that stands under several tactics gets one cell without a tactic, which the Navigator
    shows under each. Raises CatalogError for an id that is no technique, or an unknown status.
    """
    cells = []
    for identifier, status in sorted(statuses.items()):
        entry = catalog.get(identifier)
        if entry is None or entry.kind not in {"technique", "subtechnique"}:
            raise CatalogError(f"'{identifier}' is no technique of {catalog.title} {catalog.version}")
        if status not in COLOURS:
            raise CatalogError(f"'{status}' is no status of a technique; known: {', '.join(COLOURS)}")
        cells.append(
            {
                "techniqueID": identifier,
                "color": COLOURS[status],
                "comment": (comments or {}).get(identifier, ""),
                "enabled": True,
                "metadata": [{"name": "status", "value": status}],
                "showSubtechniques": bool(catalog.children(identifier)),
            }
        )
    return {
        "name": name,
        "versions": {"layer": LAYER_VERSION, "navigator": NAVIGATOR_VERSION},
        "domain": DOMAIN,
        "description": description,
        "metadata": [{"name": "atlas_data_version", "value": catalog.version}],
        "techniques": cells,
        "legendItems": [{"label": status, "color": colour} for status, colour in COLOURS.items()],
    }


def statuses_from_layer(layer: Any, catalog: Catalog) -> dict[str, str]:
    """Technique id → status of a layer, by its ``status`` metadata or else its colour (unknown: tested).

    Raises CatalogError where ``layer`` is no layer or names a technique that the catalog lacks.
    """
    cells = layer.get("techniques") if isinstance(layer, Mapping) else None
    if not isinstance(cells, list):
        raise CatalogError("this is no Navigator layer: it has no list of techniques")
    by_colour = {colour: status for status, colour in COLOURS.items()}
    found: dict[str, str] = {}
    for cell in cells:
        identifier = cell.get("techniqueID") if isinstance(cell, Mapping) else None
        if not isinstance(identifier, str) or identifier not in catalog:
            raise CatalogError(f"the layer names {identifier!r}, which {catalog.title} lacks")
        metadata = cell.get("metadata")
        said = [
            item.get("value")
            for item in (metadata if isinstance(metadata, list) else [])
            if isinstance(item, Mapping) and item.get("name") == "status"
        ]
        status = said[0] if said and said[0] in COLOURS else by_colour.get(str(cell.get("color")), "tested")
        found[identifier] = status
    return found

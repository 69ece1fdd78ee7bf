"""The traceability graph as Mermaid text and as an SVG in layers."""

from __future__ import annotations

from safecase.report.charts._svg import words
from safecase.workspace import Graph

_LAYERS = (
    ("clause",),
    ("requirement", "threat", "misuse"),
    ("risk",),
    ("control",),
    ("suite",),
    ("case", "rule"),
    ("run",),
    ("verdict",),
)
_COLOURS = {
    "clause": "#6b7280",
    "requirement": "#4b6584",
    "threat": "#b3261e",
    "misuse": "#c2571a",
    "risk": "#8a2be2",
    "control": "#1d7f4e",
    "suite": "#2f5bd0",
    "case": "#5b8def",
    "rule": "#0f766e",
    "run": "#8a6100",
    "verdict": "#1d2330",
}
# Pixels of a box with two lines of text, and of the room between boxes in which the edges bend.
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y = 190, 34, 70, 12
# So many letters of 12 pixels fit into a box.
_LONGEST_LABEL = 27


def draw_mermaid(graph: Graph) -> str:
    """The graph in Mermaid's flowchart language; labels cannot break out of their quotes."""
    names = {key: f"n{index}" for index, key in enumerate(sorted(graph.nodes))}
    lines = ["flowchart LR"]
    for key, name in names.items():
        node = graph.nodes[key]
        label = f"{node.kind}: {node.title or node.id}".replace('"', "'").replace("\n", " ")
        safe = "".join(letter if letter not in "<>&#;`" else " " for letter in label)[:80]
        lines.append(f'  {name}["{safe}"]')
    lines.extend(f"  {names[source]} --> {names[target]}" for source, target in sorted(graph.edges))
    return "\n".join(lines) + "\n"


def draw_svg(graph: Graph, *, title: str = "Traceability") -> str:
    """The graph as an SVG document: kinds in columns, edges as curves, everything escaped."""
    columns = [
        sorted(
            (node for node in graph.nodes.values() if node.kind in kinds),
            key=lambda node: (node.kind, node.id),
        )
        for kinds in _LAYERS
    ]
    columns = [column for column in columns if column]
    places: dict[str, tuple[float, float]] = {}
    order: dict[str, float] = {}
    for index, column in enumerate(columns):
        # Nodes stand near what leads to them, which keeps the curves short.
        def pull(key: str) -> float:
            # Sorted, for a sum of floats depends on the order and a set has none: one graph is one drawing.
            sources = sorted(
                order[source] for source, target in graph.edges if target == key and source in order
            )
            return sum(sources) / len(sources) if sources else 1e9

        column.sort(key=lambda node: (pull(node.key), node.kind, node.id))
        for row, node in enumerate(column):
            order[node.key] = row / max(len(column), 1)
            places[node.key] = (20 + index * (_WIDTH + _GAP_X), 60 + row * (_HEIGHT + _GAP_Y))
    width = 40 + len(columns) * (_WIDTH + _GAP_X) - _GAP_X
    height = 80 + max((len(column) for column in columns), default=1) * (_HEIGHT + _GAP_Y)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-label="{words(title)}" '
        'font-family="system-ui, DejaVu Sans, sans-serif">',
        f"<title>{words(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="20" y="30" font-size="18" fill="#1d2330">{words(title)}</text>',
    ]
    for source, target in sorted(graph.edges):
        (x1, y1), (x2, y2) = places[source], places[target]
        start, end = (x1 + _WIDTH, x2) if x2 > x1 else (x1, x2 + _WIDTH)
        middle = (start + end) / 2
        a, b = y1 + _HEIGHT / 2, y2 + _HEIGHT / 2
        parts.append(
            f'<path d="M{start:.0f} {a:.0f} C{middle:.0f} {a:.0f} {middle:.0f} {b:.0f} {end:.0f} {b:.0f}" '
            'fill="none" stroke="#b8c0cc" stroke-width="1.2"/>'
        )
    for key, (x, y) in places.items():
        node = graph.nodes[key]
        colour = _COLOURS[node.kind]
        shown = words(node.title or node.id, _LONGEST_LABEL)
        parts.append(
            f"<g><title>{words(f'{node.kind}: {node.id} {node.title}')}</title>"
            f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5" fill="#fff" stroke="{colour}" '
            f'stroke-width="1.6"/><text x="{x + 8}" y="{y + 13}" font-size="9" fill="{colour}">'
            f"{words(node.kind)}</text>"
            f'<text x="{x + 8}" y="{y + 27}" font-size="12" fill="#1d2330">{shown}</text></g>'
        )
    parts.append("</svg>")
    return "".join(parts)

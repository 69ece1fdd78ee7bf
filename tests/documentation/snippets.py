"""Python blocks: executed, and each comment behind an expression is held against the expression's value.

    guard.check_output(text).text  # 'Write to [EMAIL], please.'
    decision.action  # GuardAction.BLOCK
    clopper_pearson(0, 149, 0.95, side="upper").upper  # 0.0199
    print(refusal)  # ... not from the user

Comments behind any other statement are for the reader only.
"""

from __future__ import annotations

import ast
import contextlib
import enum
import io
import re
import tokenize
from typing import Any

_SHOWN = "__shown__"


def run_python(source: str, place: str) -> dict[str, Any]:
    """Execute a block; its names. Raises AssertionError where a value is not what the comment says."""
    comments = _comments(source)
    tree = ast.parse(source, filename=place)
    tree = ast.fix_missing_locations(_ShowValues(comments).visit(tree))

    def shown(line: int, evaluate: Any) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            value = evaluate()
        said = comments[line]
        seen = forms(value) if value is not None or not printed.getvalue() else [printed.getvalue().strip()]
        assert any(agree(said, form) for form in seen), f"{place}+{line}: says {said}, is {seen[0]}"

    names: dict[str, Any] = {"__name__": "documentation", _SHOWN: shown}
    exec(compile(tree, place, "exec"), names)
    return names


def forms(value: Any) -> list[str]:
    """How a page may write a value."""
    written = [repr(value), str(value)]
    if isinstance(value, enum.Enum):
        written.insert(0, f"{type(value).__name__}.{value.name}")
    return written


def agree(said: str, seen: str) -> bool:
    """Equal, or but for what '...' leaves out, or as a number rounded to the digits that are written."""
    if re.fullmatch(r"-?\d+\.\d+", said):
        with contextlib.suppress(ValueError):
            return f"{float(seen):.{len(said.partition('.')[2])}f}" == said
    parts = [re.escape(part.strip()) for part in said.split("...")]
    return re.fullmatch(r"\s*.*?\s*".join(parts), seen, re.DOTALL) is not None


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {item.start[0]: item.string.lstrip("# ") for item in tokens if item.type == tokenize.COMMENT}


class _ShowValues(ast.NodeTransformer):
    def __init__(self, comments: dict[int, str]) -> None:
        self._comments = comments

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        line = node.end_lineno or node.lineno
        if line not in self._comments or isinstance(node.value, ast.Await | ast.Constant):
            return node
        arguments = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        evaluate = ast.Lambda(args=arguments, body=node.value)
        call = ast.Call(func=ast.Name(_SHOWN, ast.Load()), args=[ast.Constant(line), evaluate], keywords=[])
        return ast.copy_location(ast.Expr(call), node)

"""One small change to a module, as new source: a comparison turned, an operator swapped, a call dropped.

Only logic is changed. Texts, annotations, docstrings, imports and what is raised stay as they are: a test that notices
a changed sentence says nothing about the decision.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
}  # fmt: skip
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.BitAnd: "|", ast.BitOr: "&", ast.LShift: ">>",
}  # fmt: skip
#: Methods of frames and sets that compare or combine, and what is called instead.
METHODS = {
    "eq": "ne", "ne": "eq", "lt": "le", "le": "lt", "gt": "ge", "ge": "gt", "any": "all", "all": "any",
    "notna": "isna", "isna": "notna", "min": "max", "max": "min", "difference": "union", "issubset": "issuperset",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of one place of a module."""

    module: str
    line: int
    before: str
    after: str
    source: str

    @property
    def label(self) -> str:
        return f"{self.module}:{self.line}: `{self.before}` -> `{self.after}`"


def mutations_of(module: str, source: str) -> Iterator[Mutation]:
    """Every change of a module that the tables above allow, in the order of the source."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    raw = source.encode()

    def place(node: ast.AST) -> tuple[int, int]:
        first = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        last = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return first, last

    for node, replacement in _changes(ast.parse(source), lambda node: raw[slice(*place(node))].decode()):
        first, last = place(node)
        changed = (raw[:first] + replacement.encode() + raw[last:]).decode()
        try:
            compile(changed, module, "exec")
        except SyntaxError:
            continue
        before = raw[first:last].decode()
        yield Mutation(module, node.lineno, " ".join(before.split()), " ".join(replacement.split()), changed)  # type: ignore[attr-defined]


def _changes(tree: ast.Module, text: object) -> Iterator[tuple[ast.AST, str]]:
    assert callable(text)
    for node in _logic(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            if (turned := COMPARISONS.get(type(node.ops[0]))) is not None:
                yield node, f"(({text(node.left)}) {turned} ({text(node.comparators[0])}))"
        elif isinstance(node, ast.BinOp):
            if (swapped := OPERATORS.get(type(node.op))) is not None and not _is_text(node):
                yield node, f"(({text(node.left)}) {swapped} ({text(node.right)}))"
        elif isinstance(node, ast.BoolOp):
            word = " or " if isinstance(node.op, ast.And) else " and "
            yield node, "(" + word.join(f"({text(value)})" for value in node.values) + ")"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
            yield node, f"({text(node.operand)})"
        elif isinstance(node, ast.If | ast.While | ast.IfExp):
            yield node.test, "False"
            yield node.test, "True"
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield node, f"({node.value + 1})"
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield node, str(not node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            arguments = ", ".join([*map(text, node.args), *(text(one) for one in node.keywords)])
            yield node, f"{text(node.func.value)}.{METHODS[node.func.attr]}({arguments})"
        elif isinstance(node, ast.AugAssign):
            yield node, f"{text(node.target)} = {text(node.value)}"
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield node, "pass"


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr | ast.Constant) and not _is_number(side) for side in (node.left, node.right)
    )


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _logic(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one, without annotations, texts, decorators, assertions and what is raised."""
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in field if isinstance(field, list) else [field]:
            if not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.Raise | ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert):
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            yield child
            yield from _logic(child)

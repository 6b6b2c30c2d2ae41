"""The syntax tree of a FHIRPath expression: frozen dataclasses, one per kind of term.

https://hl7.org/fhirpath/N1/#expressions

`Patient.name.where(use = 'official').given` is

    Member(
        Call(
            Member(Member(None, "Patient"), "name"),
            "where",
            (Binary("=", Member(None, "use"), Literal("official")),),
        ),
        "given",
    )

An operand of None is the context ($this). `position` is the offset of the term in the text; it takes no part in
equality, so trees of two spellings of one expression are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written out: bool, int, Decimal, str, Date, DateTime, Time or Quantity."""

    value: Any
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Empty:
    """`{}`: the empty collection."""

    position: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Special:
    """`$this`, `$index` or `$total`; `name` holds the dollar."""

    name: str
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable: `%resource` has the name "resource"."""

    name: str
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Member:
    """A step to the elements called `name`; at the start of a path it can also be a type name ("Patient")."""

    operand: Tree | None
    name: str
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function call. Arguments are trees; type arguments become `TypeTest` and never stand here."""

    operand: Tree | None
    name: str
    arguments: tuple[Tree, ...]
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Index:
    """`operand[index]`."""

    operand: Tree
    index: Tree
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`+operand` or `-operand`."""

    operator: str
    operand: Tree
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`, keywords ("and", "in", "div" ...) included."""

    operator: str
    left: Tree
    right: Tree
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True, slots=True)
class TypeName:
    """`System.Boolean` has the namespace "System"; an unqualified name has ""."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}.{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`x is T`, `x as T` and the calls `x.is(T)`, `x.as(T)`, `x.ofType(T)`; operator "is", "as" or "ofType"."""

    operator: str
    operand: Tree | None
    type: TypeName
    position: int = field(default=-1, compare=False)


Tree: TypeAlias = Literal | Empty | Special | Variable | Member | Call | Index | Unary | Binary | TypeTest


def children(tree: Tree) -> tuple[Tree, ...]:
    """Return the direct parts of a term, in the order of the text."""
    match tree:
        case Member(operand=operand) | TypeTest(operand=operand):
            return () if operand is None else (operand,)
        case Call(operand=operand, arguments=arguments):
            return arguments if operand is None else (operand, *arguments)
        case Index(operand=inner, index=index):
            return (inner, index)
        case Unary(operand=inner):
            return (inner,)
        case Binary(left=left, right=right):
            return (left, right)
        case _:
            return ()


def alternatives(tree: Tree) -> list[Tree]:
    """Return the operands of a chain of `|`, in the order of the text; a term of another kind is its only one."""
    found: list[Tree] = []
    while isinstance(tree, Binary) and tree.operator == "|":
        found.append(tree.right)
        tree = tree.left
    return [tree, *reversed(found)]


def literal_texts(tree: Tree) -> list[str] | None:
    """Return the texts of `('a' | 'b')` without repetition, None for anything else."""
    parts = alternatives(tree)
    texts = [part.value for part in parts if isinstance(part, Literal) and type(part.value) is str]
    return list(dict.fromkeys(texts)) if len(texts) == len(parts) else None


def walk(tree: Tree) -> Iterator[Tree]:
    """Yield the term and everything in it, without recursion."""
    pending = [tree]
    while pending:
        part = pending.pop()
        yield part
        pending.extend(children(part))


def measure(tree: Tree) -> tuple[int, int]:
    """Return how many terms stand one inside the other, a chain of `|` counting once, and the longest such chain."""
    deepest, longest, pending = 0, 1, [(tree, 1)]
    while pending:
        part, level = pending.pop()
        deepest = max(deepest, level)
        inner = alternatives(part)
        longest = max(longest, len(inner))
        pending.extend((child, level + 1) for child in (inner if len(inner) > 1 else children(part)))
    return deepest, longest

"""A compiled statement: SQL text, the parameters it takes, and how each is represented for the driver.

https://docs.sqlalchemy.org/en/21/core/connections.html

SQLAlchemy composes and renders a statement once; after that a search costs the driver's work alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Dialect, Select
from sqlalchemy.types import UserDefinedType

T = TypeVar("T")

_KEPT = 1_000  # compiled statements of a process
_Processor = Callable[[Any], Any]


class Raw(UserDefinedType[Any]):
    """A bound value that goes to the driver as it is: it came from the driver."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Never part of a table."""
        raise TypeError("a raw value is no column type")


class Statement:
    """SQL that can be run with any values.

    sql  the text, with the driver's own placeholders
    """

    def __init__(self, select: Select[Any], dialect: Dialect) -> None:
        compiled = select.compile(dialect=dialect)
        self.sql = str(compiled)
        self._order: tuple[str, ...] | None = None if compiled.positiontup is None else tuple(compiled.positiontup)
        self._constants: dict[str, Any] = {}
        self._processors: dict[str, _Processor] = {}
        values = compiled.params
        for bind, name in compiled.bind_names.items():
            processor = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if bind.key == name and bind.value is None and bind.callable is None and not bind.unique:
                self._processors[name] = processor or _same
            else:
                self._constants[name] = processor(values[name]) if processor else values[name]

    @property
    def names(self) -> frozenset[str]:
        """The parameters that have to be given."""
        return frozenset(self._processors)

    def bound(self, values: Mapping[str, Any]) -> Any:
        """Return the parameters for the driver. Raises KeyError for one that is missing in `values`."""
        made = dict(self._constants)
        for name, processor in self._processors.items():
            made[name] = processor(values[name])
        return made if self._order is None else [made[name] for name in self._order]


def _same(value: Any) -> Any:
    return value


class Statements:
    """What is known of the searches of one store by their shapes; the least used are forgotten."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, shape: Hashable, make: Callable[[], Select[Any]]) -> Statement:
        """Return the statement of a shape, made by `make` when it is not known."""
        return self.fact(shape, lambda: Statement(make(), self._dialect))

    def fact(self, shape: Hashable, make: Callable[[], T]) -> T:
        """Return something that follows from a shape, made by `make` when it is not known."""
        with self._lock:
            if shape in self._known:
                self._known.move_to_end(shape)
                found: T = self._known[shape]
                return found
        made = make()
        with self._lock:
            self._known[shape] = made
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return made

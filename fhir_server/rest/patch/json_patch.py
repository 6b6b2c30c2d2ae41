"""JSON Patch: operations on JSON Pointers, carried out on a copy.

https://www.rfc-editor.org/rfc/rfc6902
https://hl7.org/fhir/R4/http.html#patch
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhir_server.errors import BadRequest, Invalid, TooCostly

MAX_OPERATIONS = 10_000
_MAX_DEPTH = 128  # open brackets, as the JSON decoder allows them
_MAX_COPIED = 1_000_000  # values that all operations together may copy or shift

_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_BAD_ESCAPE = re.compile(r"~(?![01])")
_NAME = re.compile(r"_?([A-Za-z][A-Za-z0-9]{0,63})", re.ASCII)
_MISSING = object()


def apply(document: dict[str, Any], patch: list[Any]) -> dict[str, Any]:
    """Return `document` with the operations of `patch` carried out; `document` itself stays as it is.

    Raises BadRequest where the patch is not one, Invalid (422) where it does not fit the document or a test fails,
    TooCostly beyond 10,000 operations or where copies of copies grow without measure. Each names the operation,
    counted from 0, and as expression the place it points at.
    """
    result = apply_to_value(document, patch)
    if not isinstance(result, dict):
        raise Invalid("The JSON Patch replaces the resource by something that is no object.")
    return result


def apply_to_value(document: Any, patch: list[Any]) -> Any:
    """Return any JSON value with the operations of `patch` carried out; as `apply`."""
    if not isinstance(patch, list):
        raise BadRequest("A JSON Patch is an array of operations.")
    if len(patch) > MAX_OPERATIONS:
        raise TooCostly(f"The JSON Patch has more than {MAX_OPERATIONS} operations.")
    return _Run(document).all(patch)


class _Run:
    """One application of a patch: the copy that is changed, and how much work is left."""

    def __init__(self, document: Any) -> None:
        self._left = _MAX_COPIED
        self._index = 0
        self._type = document.get("resourceType") if isinstance(document, dict) else None
        self._root = self._copy(document, _MAX_DEPTH)
        self._operations: dict[str, Callable[[dict[str, Any], list[str]], None]] = {
            "add": self._add,
            "remove": self._remove,
            "replace": self._replace,
            "move": self._move,
            "copy": self._copy_operation,
            "test": self._test,
        }

    def all(self, patch: list[Any]) -> Any:
        for self._index, operation in enumerate(patch):
            if not isinstance(operation, dict):
                raise self._malformed("it is no object")
            carry_out = self._operations.get(str(operation.get("op")))
            if carry_out is None:
                raise self._malformed("its op is none of add, remove, replace, move, copy, test")
            carry_out(operation, self._pointer(operation, "path"))
        return self._root

    # operations

    def _add(self, operation: dict[str, Any], path: list[str]) -> None:
        self._insert(path, self._copy(self._value(operation), _MAX_DEPTH - len(path)))

    def _remove(self, _: dict[str, Any], path: list[str]) -> None:
        self._take(path)

    def _replace(self, operation: dict[str, Any], path: list[str]) -> None:
        value = self._copy(self._value(operation), _MAX_DEPTH - len(path))
        if not path:
            self._root = value
            return
        parent, key = self._existing(path)
        parent[key] = value

    def _move(self, operation: dict[str, Any], path: list[str]) -> None:
        source = self._pointer(operation, "from")
        if len(path) > len(source) and path[: len(source)] == source:
            raise self._malformed("it moves a value into itself")
        value = self._read(source)
        if source != path:
            self._take(source)
            self._insert(path, self._copy(value, _MAX_DEPTH - len(path)))

    def _copy_operation(self, operation: dict[str, Any], path: list[str]) -> None:
        value = self._read(self._pointer(operation, "from"))
        self._insert(path, self._copy(value, _MAX_DEPTH - len(path)))

    def _test(self, operation: dict[str, Any], path: list[str]) -> None:
        if not _equal(self._read(path), self._value(operation)):
            raise self._unfit("the test fails: the value there is another one", path)

    # parts of an operation

    def _value(self, operation: dict[str, Any]) -> Any:
        if "value" not in operation:
            raise self._malformed("it needs a value")
        return operation["value"]

    def _pointer(self, operation: dict[str, Any], member: str) -> list[str]:
        """Return the steps of a JSON Pointer (RFC 6901)."""
        text = operation.get(member)
        if not isinstance(text, str):
            raise self._malformed(f"it needs a {member}, a JSON Pointer")
        if text == "":
            return []
        if not text.startswith("/") or _BAD_ESCAPE.search(text):
            raise self._malformed(f"its {member} is no JSON Pointer: it starts with / and has ~ only as ~0 and ~1")
        steps = text[1:].split("/")
        if len(steps) > _MAX_DEPTH:
            raise TooCostly(f"Operation {self._index} of the JSON Patch points deeper than any document may be.")
        return [step.replace("~1", "/").replace("~0", "~") for step in steps]

    # places

    def _read(self, path: list[str]) -> Any:
        if not path:
            return self._root
        parent, key = self._existing(path)
        return parent[key]

    def _parent(self, path: list[str]) -> Any:
        """Return the value that holds the last step of `path`."""
        value = self._root
        for number, step in enumerate(path[:-1]):
            value = self._below(value, step)
            if value is _MISSING:
                raise self._unfit("the resource has nothing there", path[: number + 1])
        if not isinstance(value, dict | list):
            raise self._unfit("there is a single value, nothing can be inside it", path[:-1])
        return value

    def _existing(self, path: list[str]) -> tuple[Any, Any]:
        """Return the container of an existing value and its key (a name or an index) in it."""
        parent = self._parent(path)
        if self._below(parent, path[-1]) is _MISSING:
            raise self._unfit("the resource has nothing there", path)
        return parent, path[-1] if isinstance(parent, dict) else int(path[-1])

    def _below(self, value: Any, step: str) -> Any:
        if isinstance(value, dict):
            return value.get(step, _MISSING)
        if isinstance(value, list) and _INDEX.fullmatch(step) and int(step) < len(value):
            return value[int(step)]
        return _MISSING

    def _insert(self, path: list[str], value: Any) -> None:
        if not path:
            self._root = value
            return
        parent = self._parent(path)
        if isinstance(parent, dict):
            parent[path[-1]] = value
            return
        step = path[-1]
        if step == "-":
            parent.append(value)
            return
        if not _INDEX.fullmatch(step) or int(step) > len(parent):
            raise self._unfit(f"the array there has {len(parent)} items; use an index up to that, or -", path[:-1])
        self._spend(len(parent) // 64)
        parent.insert(int(step), value)

    def _take(self, path: list[str]) -> None:
        if not path:
            raise self._malformed("it removes the whole resource; use DELETE for that")
        parent, key = self._existing(path)
        self._spend(len(parent) // 64 if isinstance(parent, list) else 0)
        del parent[key]

    # bounds

    def _copy(self, value: Any, room: int) -> Any:
        """Return a copy of `value` that may have `room` levels of its own."""
        if isinstance(value, dict):
            self._spend(len(value), room)
            return {name: self._copy(item, room - 1) for name, item in value.items()}
        if isinstance(value, list):
            self._spend(len(value), room)
            return [self._copy(item, room - 1) for item in value]
        return value

    def _spend(self, work: int, room: int = 1) -> None:
        self._left -= work
        if self._left < 0 or room <= 0:
            raise TooCostly(f"Operation {self._index} of the JSON Patch makes the resource too large or too deep.")

    # errors

    def _malformed(self, reason: str) -> BadRequest:
        return BadRequest(f"Operation {self._index} of the JSON Patch (counted from 0) is malformed: {reason}.")

    def _unfit(self, reason: str, path: list[str]) -> Invalid:
        text = f"Operation {self._index} of the JSON Patch (counted from 0) cannot be carried out: {reason}."
        return Invalid(text, self._expression(path))

    def _expression(self, path: list[str]) -> str:
        """Return the FHIRPath that a JSON Pointer means, as far as its steps could be FHIR's."""
        expression = self._type if isinstance(self._type, str) and _NAME.fullmatch(self._type) else ""
        for step in path:
            name = _NAME.fullmatch(step)
            if name:
                expression += f".{name[1]}" if expression else name[1]
            elif _INDEX.fullmatch(step) and expression:
                expression += f"[{step}]"
            else:
                break
        return expression


def _equal(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are the same; numbers by value, and true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(item, right[name]) for name, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        return left == right
    return type(left) is type(right) and bool(left == right)

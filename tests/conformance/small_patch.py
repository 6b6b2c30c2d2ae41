"""JSON Patch and the part of FHIRPath Patch that the small server knows."""

from __future__ import annotations

import copy
import re
from typing import Any

Resource = dict[str, Any]


class Unpatchable(Exception):
    """The patch does not fit the resource."""


def json_patch(resource: Resource, operations: Any) -> Resource:
    """Return the patched copy."""
    if not isinstance(operations, list):
        raise Unpatchable("a JSON Patch is a list")
    made = copy.deepcopy(resource)
    try:
        for operation in operations:
            _apply(made, operation)
    except (LookupError, TypeError, ValueError) as error:
        raise Unpatchable(str(error)) from error
    return made


def _apply(made: Resource, operation: Resource) -> None:
    kind, (holder, key) = operation["op"], _place(made, operation["path"])
    if kind == "test":
        if _get(holder, key) != operation["value"]:
            raise Unpatchable("a test failed")
    elif kind == "remove":
        _pop(holder, key)
    elif kind == "replace":
        _get(holder, key)
        holder[key if isinstance(holder, dict) else int(key)] = operation["value"]
    elif kind == "add":
        _insert(holder, key, operation["value"])
    elif kind == "move":
        value = _pop(*_place(made, operation["from"]))
        _insert(*_place(made, operation["path"]), value)
    elif kind == "copy":
        _insert(holder, key, copy.deepcopy(_get(*_place(made, operation["from"]))))


def _place(made: Any, pointer: str) -> tuple[Any, str]:
    *steps, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    for step in steps:
        made = _get(made, step)
    return made, last


def _get(holder: Any, key: str) -> Any:
    return holder[int(key)] if isinstance(holder, list) else holder[key]


def _pop(holder: Any, key: str) -> Any:
    return holder.pop(int(key)) if isinstance(holder, list) else holder.pop(key)


def _insert(holder: Any, key: str, value: Any) -> None:
    if isinstance(holder, list):
        holder.insert(len(holder) if key == "-" else int(key), value)
    else:
        holder[key] = value


def fhirpath_patch(resource: Resource, parameters: Any) -> Resource:
    """Return the patched copy."""
    made = copy.deepcopy(resource)
    try:
        for parameter in parameters["parameter"]:
            parts = {part["name"]: next(v for k, v in part.items() if k != "name") for part in parameter["part"]}
            _operate(made, parts)
    except (LookupError, TypeError) as error:
        raise Unpatchable(str(error)) from error
    return made


def _operate(made: Resource, parts: Resource) -> None:
    steps = re.findall(r"\.(\w+)(?:\[(\d+)\])?", parts["path"])
    if not re.fullmatch(r"\w+(\.\w+(\[\d+\])?)*", parts["path"]):
        raise Unpatchable("not a FHIRPath")
    kind = parts["type"]
    if kind == "add":
        made.setdefault(parts["name"], []).append(parts["value"])
        return
    holder: Any = made
    for name, index in steps[:-1]:
        holder = holder[name][int(index)] if index else holder[name]
    name, index = steps[-1]
    if kind == "replace":
        _ = holder[name]
        holder[name] = parts["value"]
    elif kind == "delete":
        held = holder[name]
        if index:
            held.pop(int(index))
        if not index or not held:
            del holder[name]
    elif kind == "insert":
        holder[name].insert(parts["index"], parts["value"])
    elif kind == "move":
        holder[name].insert(parts["destination"], holder[name].pop(parts["source"]))

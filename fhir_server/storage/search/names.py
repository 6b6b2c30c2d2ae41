"""What the name of a parameter means: its code, modifier, chain or reverse chain, and who answers it.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fhir_server.definitions import Definitions
from fhir_server.errors import TooCostly, UnsupportedParameter
from fhir_server.storage.schema import Schema
from fhir_server.storage.search import composite
from fhir_server.storage.search.chain import Beyond, Link
from fhir_server.storage.search.criterion import KINDS, Criterion
from fhir_server.storage.search.escape import split
from fhir_server.storage.search.has import Has
from fhir_server.storage.search.kind import Context, named, unsupported_parameter, wrong
from fhir_server.storage.search.node import Node
from fhir_server.storage.search.several import EachType
from fhir_server.storage.search.special import SPECIAL
from fhir_server.storage.search.token import applies
from fhir_server.storage.targets import COMMON_TARGETS, SearchTarget
from fhir_server.storage.terminology import Terminology
from fhir_server.storage.text.waiting import Texts

Made = Callable[[str], Node]
"""Makes the node of a value. Raises BadRequest (code value) for a value the parameter cannot have."""

_DEEPEST = 6  # chains and reverse chains within one another
_MOST_VALUES = 500
_LONGEST_CODE = 64  # that is compared with those there are


@dataclass(frozen=True)
class Names:
    """Understands names for one caller at one moment.

    now          for approximate dates
    terminology  the value sets and code systems the caller may read
    texts        what the index of words lacks
    beyond       answers chains beyond the tables; None where nothing is asked of them
    touched      the types whose tables the parameters so far look at
    beside       (type, conditions) that hold for the resources of a type beside the parameter that is to be understood
    """

    schema: Schema
    definitions: Definitions
    base_url: str
    now: datetime
    terminology: Terminology | None = None
    texts: Texts | None = None
    beyond: Beyond | None = None
    beside: tuple[str, tuple[Node, ...]] | None = None
    touched: set[str] = field(default_factory=set, compare=False)

    def node(self, resource_type: str | None, types: tuple[str, ...], name: str, depth: int = 0) -> Made:
        """Return what makes the node of a parameter.

        resource_type  the type that is searched, None for several
        types          those several; () for all
        Raises UnsupportedParameter, TooCostly.
        """
        if depth > _DEEPEST:
            raise TooCostly(f"A parameter can be chained {_DEEPEST} times at most.")
        if resource_type is None and types and types != ("",) and name.partition(":")[0] not in COMMON_TARGETS:
            makers = [self.node(kind, (), name, depth) for kind in types]
            return lambda text: EachType(types, tuple(made(text) for made in makers))
        if not all(part.partition(":")[0] and not part.endswith(":") for part in name.split(".")):
            raise unsupported_parameter(f"The name {named(name)} is not complete: it lacks a parameter or a modifier.")
        if name.startswith("_has:"):
            return self._has(resource_type, name, depth)
        head, dot, rest = name.partition(".")
        if dot:
            return self._chain(resource_type, name, head, rest, depth)
        code, _, modifier = name.partition(":")
        if code in SPECIAL:
            return SPECIAL[code](self, resource_type, modifier, depth)
        return self._plain(resource_type, name)

    def targets(self, resource_type: str | None, code: str) -> tuple[SearchTarget, ...]:
        """Return where a parameter is answered, () for one that is not known."""
        if resource_type is None:
            common = COMMON_TARGETS.get(code)
            return (common,) if common is not None else ()
        found = self.schema.targets(resource_type, code)
        if found:
            self.touched.add(resource_type)
        return found

    def codes(self, resource_type: str | None) -> Sequence[str]:
        """Return the codes of the parameters of a type."""
        return tuple(COMMON_TARGETS) if resource_type is None else self.schema.parameters(resource_type)

    def context(self, resource_type: str | None, targets: tuple[SearchTarget, ...]) -> Context:
        """Return what values of a parameter may depend on."""
        return Context(resource_type, targets, self.definitions, self.base_url, self.now, self.terminology)

    def _plain(self, resource_type: str | None, name: str) -> Made:
        code, _, modifier = name.partition(":")
        targets = self.targets(resource_type, code)
        if targets and targets[0].type == "composite" and not modifier:
            return lambda text: self._composite(resource_type, code, targets, text)
        if not targets or targets[0].type not in KINDS:
            raise self.refused(resource_type, name, code)
        kind = targets[0].type
        known = modifier in ("", "missing") or modifier in KINDS[kind].MODIFIERS
        if kind == "token" and not applies(modifier, targets):
            known = False
        if not known and not (kind == "reference" and modifier in self.schema.types):
            raise unsupported_parameter(f"The parameter {named(code)} has no modifier {named(modifier)} here.")
        return lambda text: self._criterion(resource_type, code, modifier, targets, text)

    def _criterion(
        self, resource_type: str | None, code: str, modifier: str, targets: tuple[SearchTarget, ...], text: str
    ) -> Node:
        kind = targets[0].type
        if "\x00" in text:
            raise wrong("A search value cannot hold the character NUL.")
        if modifier == "missing":
            if text not in ("true", "false"):
                raise wrong("The modifier :missing takes true or false.")
            return Criterion(code, modifier, kind, targets, (), missing=text == "true")
        context = self.context(resource_type, targets)
        parts = values_of(text, code)
        values = tuple(dict.fromkeys(KINDS[kind].parse(part, modifier, context) for part in parts))
        return Criterion(code, modifier, kind, targets, values)

    def _composite(self, resource_type: str | None, code: str, targets: tuple[SearchTarget, ...], text: str) -> Node:
        context = self.context(resource_type, targets)
        values = tuple(dict.fromkeys(composite.parse(part, context) for part in values_of(text, code)))
        return composite.Composite(code, targets, values)

    def _chain(self, resource_type: str | None, name: str, head: str, rest: str, depth: int) -> Made:
        code, _, modifier = head.partition(":")
        targets = tuple(target for target in self.targets(resource_type, code) if target.kind == "reference")
        if not targets:
            raise self.refused(resource_type, name, code)
        allowed = list(dict.fromkeys(kind for target in targets for kind in target.to or self.schema.types))
        if modifier:
            if modifier not in allowed:
                raise unsupported_parameter(f"The parameter {named(code)} never leads to a {named(modifier)}.")
            allowed = [modifier]
        makers: list[tuple[str, Made]] = []
        for kind in allowed:
            try:
                makers.append((kind, self.node(kind, (), rest, depth + 1)))
            except UnsupportedParameter as error:
                refusal = error
        if not makers:
            raise refusal
        known = dict(makers)

        def made(text: str) -> Node:
            def inner(names: Names, kind: str) -> Node:
                return (known[kind] if names is self else names.node(kind, (), rest, depth + 1))(text)

            return Link(str(resource_type), code, targets, tuple(known), depth, inner).chain(self)

        return made

    def _has(self, resource_type: str | None, name: str, depth: int) -> Made:
        parts = name.split(":", 3)
        if len(parts) != 4:
            raise unsupported_parameter("A reverse chain is written as _has:[type]:[reference]:[parameter].")
        _, kind, code, rest = parts
        if kind not in self.schema.types:
            raise unsupported_parameter(f"_has names {named(kind)}, which is no resource type.")
        targets = tuple(
            target
            for target in self.targets(kind, code)
            if target.kind == "reference"
            if resource_type is None or not target.to or resource_type in target.to
        )
        if not targets:
            raise unsupported_parameter(f"{kind} has no reference parameter {named(code)} that leads here.")
        made = self.node(kind, (), rest, depth + 1)
        return lambda text: Has(kind, code, targets, made(text))

    def refused(self, resource_type: str | None, name: str, code: str) -> UnsupportedParameter:
        """Return the error for a parameter that is not known, with the one that may have been meant."""
        codes = list(self.codes(resource_type))
        near = difflib.get_close_matches(code[:_LONGEST_CODE], codes, n=1)
        hint = f" Did you mean {near[0]}?" if near and near[0] != code else ""
        return unsupported_parameter(f"The search parameter {named(name)} is not supported here.{hint}")


def values_of(text: str, code: str) -> list[str]:
    """Return the values between the commas of `text`. Raises BadRequest for an empty one, TooCostly."""
    parts = split(text, ",")
    # An empty place in a list ("a,,b", ",") names nothing and cannot be meant.
    if not all(parts):
        raise wrong(f"The parameter {named(code)} has an empty value.")
    if len(parts) > _MOST_VALUES:
        raise TooCostly(f"A parameter can have {_MOST_VALUES} values at most.")
    return parts

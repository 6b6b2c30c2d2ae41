"""What an evaluation carries along: variables, the resource, the clock, the budget of steps.

https://hl7.org/fhirpath/N1/#environment-variables
https://hl7.org/fhir/R4/fhirpath.html#vars
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from fhir_server.fhirpath.errors import FhirPathError, FhirPathTooCostly
from fhir_server.fhirpath.node import Node, root_node
from fhir_server.fhirpath.temporal import Temporal, from_datetime

# Takes the text of a reference, returns the resource or None.
Resolver: TypeAlias = Callable[[str], "dict[str, Any] | None"]
Items: TypeAlias = "list[Any]"
Closure: TypeAlias = Callable[[Items, "Environment"], Items]
# A closure whose result is a truth value; None is empty.
Condition: TypeAlias = Callable[[Items, "Environment"], "bool | None"]

DEFAULT_BUDGET = 500_000

_FIXED = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
_VALUE_SET = "http://hl7.org/fhir/ValueSet/"
_EXTENSION = "http://hl7.org/fhir/StructureDefinition/"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Environment(msgspec.Struct, eq=False, gc=False):
    """The state of one evaluation.

    context    the Node evaluation began at (%context)
    resource   the resource that holds it (%resource)
    root       the resource that holds that one, for a contained resource; else the same (%rootResource)
    variables  the caller's variables: name -> value, item or list of items
    resolver   turns a reference into a resource where `resource` and `root` do not hold it
    clock      what now() asks; asked once, so that now() is the same throughout an evaluation
    steps      how many steps are left
    lenient    the reading R4's own expressions need
    index, total   $index and $total
    moment         what now() returned
    """

    context: Node
    resource: Node
    root: Node
    variables: Mapping[str, Any]
    resolver: Resolver | None
    clock: Callable[[], datetime.datetime] | None
    steps: int
    lenient: bool
    index: int | None = None
    total: Items = []
    moment: Temporal | None = None

    def __repr__(self) -> str:
        # Variables may hold data of a patient.
        return f"Environment({self.context!r}, {self.steps} steps left)"

    def spend(self, steps: int) -> None:
        """Take `steps` off the budget; raises FhirPathTooCostly when it is used up."""
        self.steps -= steps
        if self.steps < 0:
            raise FhirPathTooCostly("the expression takes too many steps on this resource")

    def now(self) -> Temporal:
        """Return the DateTime of this evaluation."""
        if self.moment is None:
            self.moment = from_datetime((self.clock or _now)())
        return self.moment

    def variable(self, name: str) -> Items:
        """Return the value of `%name`; raises FhirPathError for a name nobody defined."""
        if name == "resource":
            return [self.resource]
        if name == "rootResource":
            return [self.root]
        if name == "context":
            return [self.context]
        if name in self.variables:
            value = self.variables[name]
            values = value if isinstance(value, list) else [] if value is None else [value]
            self.spend(len(values))
            return [root_node(item) if isinstance(item, dict) else item for item in values]
        if name in _FIXED:
            return [_FIXED[name]]
        if name.startswith("vs-"):
            return [_VALUE_SET + name[3:]]
        if name.startswith("ext-"):
            return [_EXTENSION + name[4:]]
        raise FhirPathError(f"there is no variable %{name}")

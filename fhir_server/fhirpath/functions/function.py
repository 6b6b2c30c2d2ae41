"""What the compiler needs to know of a function.

https://hl7.org/fhirpath/N1/#function-invocations
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fhir_server.fhirpath.environment import Items


class Function(NamedTuple):
    """A FHIRPath function.

    run           run(items, env, *arguments) -> items. Arguments are collections evaluated on $this; those of a lazy
                  function are closures, to be run for each item. Neither may change a collection it is given.
                  The run of a function whose result is Boolean returns one bool or nothing.
    fewest, most  number of arguments
    lazy          whether arguments come as closures
    result        System type of the result, "same" for the type of the input, a FHIR type, or "" where it depends
    criterion     whether the first argument is a criterion: it comes as a Condition
    needs         what strict mode asks of the input: "text" or "order", "" for nothing
    """

    run: Callable[..., Items]
    fewest: int = 0
    most: int = 0
    lazy: bool = False
    result: str = ""
    needs: str = ""
    criterion: bool = False

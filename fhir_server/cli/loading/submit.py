"""Does one task: reads the file or the chunk, delivers its units, never raises for what is in a file.

https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from fhir_server.cli.loading.delivery import Delivery
from fhir_server.cli.loading.report import Refusal
from fhir_server.cli.loading.sources import Chunk, Unreadable, read_document
from fhir_server.cli.loading.target import WHOLE, Mark, Target
from fhir_server.cli.loading.tasks import Done, Task
from fhir_server.cli.loading.units import of_chunk, of_document, refusals_of
from fhir_server.errors import FhirError, StoreUnavailable
from fhir_server.formats import json

_MOST_REFUSALS = 5_000  # that one task may bring home


def perform(target: Target, task: Task) -> Done:
    """Load what `task` names and say what became of it."""
    done = Done()
    file = str(task.source.path)
    try:
        if task.chunk is not None:
            _load_chunk(target, task, file, task.chunk, done)
        else:
            _load_document(target, task, file, done)
    except Unreadable as error:
        done.refusals.append(Refusal(file, "", 0, "structure", str(error)))
    except OSError as error:
        done.refusals.append(Refusal(file, "", 0, "exception", f"The file cannot be read: {error.strerror}."))
    except StoreUnavailable as error:
        done.lost = str(error)
    except FhirError as error:
        done.refusals.extend(refusals_of(file, "", error))
    del done.refusals[_MOST_REFUSALS:]
    return done


def _load_document(target: Target, task: Task, file: str, done: Done) -> None:
    digest = task.digest or task.source.digest()
    if not task.force and target.left(digest, WHOLE) == ():
        done.skipped = not task.again
        return
    document = json.decode(read_document(task.source), max_depth=target.max_depth)
    delivery = Delivery(target, task, digest, done)
    complete, marked = True, False
    for unit in of_document(file, document):
        if isinstance(unit, Refusal):
            done.refusals.append(unit)
            complete = False
        else:
            complete &= delivery.deliver(unit)
            marked = unit.atomic
    if complete and not marked:
        target.mark(Mark(digest, WHOLE))


def _load_chunk(target: Target, task: Task, file: str, chunk: Chunk, done: Done) -> None:
    if not task.force and target.left(task.digest, chunk.number) == ():
        done.skipped = not task.again
        return
    delivery = Delivery(target, task, task.digest, done)
    for unit in of_chunk(file, chunk, target.max_depth):
        if isinstance(unit, Refusal):
            done.refusals.append(unit)
        else:
            delivery.deliver(unit)

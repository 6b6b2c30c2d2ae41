"""What a server makes of searches that it cannot or will not do.

https://hl7.org/fhir/R4/search.html#errors
"""

from __future__ import annotations

from conformance import expect, graph
from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.searching import encoded, refusable, used
from conformance.target import Target


def _refuses(target: Target, *queries: str) -> None:
    """Each search is refused with an OperationOutcome that holds an error."""
    for query in queries:
        path, _, parameters = query.partition("?")
        response = refusable(target, path, parameters)
        expect.refused(response)
        if not expect.has_errors(expect.outcome(response)):
            expect.fail(f"{response} with an OperationOutcome that holds no error")


def _dates(target: Target) -> None:
    _refuses(
        target,
        "Patient?birthdate=23 May 2009",
        "Patient?birthdate=2009-13-01",
        "Patient?birthdate=2009-02-30",
        "Patient?birthdate=2009-05-23T10",
    )


def _numbers(target: Target) -> None:
    _refuses(
        target, "RiskAssessment?probability=high", "RiskAssessment?probability=gt", "RiskAssessment?probability=1.2.3"
    )


def _quantities(target: Target) -> None:
    _refuses(target, "Observation?value-quantity=heavy", "Observation?value-quantity=lt|http://unitsofmeasure.org|mg")


def _prefix(target: Target) -> None:
    _refuses(target, "Patient?birthdate=xx1990-01-01", "Patient?birthdate=gtlt1990-01-01")


def _boolean_of_missing(target: Target) -> None:
    _refuses(target, "Patient?gender:missing=perhaps")


def _wrong_modifier(target: Target) -> None:
    response = target.get(f"Patient?{encoded(graph.patients(target).scope)}&birthdate:contains=1990")
    expect.refused(response)
    expect.outcome(response)


def _no_server_error(target: Target) -> None:
    """Odd values may be refused or find nothing; a 5xx says that the server broke."""
    odd = ("'", '"', "%", "\\", "\\x", ",", "|", "||", "$", "(", "\u0000", "\U0001f600", "a" * 3000, "_", "*", "[", "{")
    for value in odd:
        response = refusable(target, "Patient", f"identifier={value}&_count=1")
        if response.status >= 500:
            expect.fail(f"{response} to the value {value[:20]!r}")


def _unknown_code(target: Target) -> None:
    graph.observations(target).finds(
        target, {f"code={graph.LOINC}|no-such-code": "", "code=http://example.org/none|1": ""}
    )


def _empty(target: Target) -> None:
    shelf = graph.patients(target)
    response = refusable(target, "Patient", f"{shelf.scope}&gender=")
    found = expect.bundle(response, "searchset")
    if sorted(shelf.names([found])) != ["ann", "bob", "cid"]:
        expect.fail(f"{response}: an empty parameter is not ignored, {len(expect.matches(found))} resources are found")


def _each_named(target: Target) -> None:
    shelf = graph.patients(target)
    found = shelf.ask(target, "gender=male,female&gender=male")
    if "gender" not in used(found):
        expect.fail(f"the self link does not name the parameter gender: {expect.link(found, 'self')}")


def _half_known(target: Target) -> None:
    """A parameter that is ignored must not be said to have been used, and what is used must be kept."""
    shelf = graph.patients(target)
    query = f"{shelf.scope}&gender=male&conformance-no-such=1"
    response = target.get(f"Patient?{encoded(query)}", headers={"Prefer": "handling=lenient"})
    if response.status != 200:
        expect.refused(response)
        expect.outcome(response)
        return
    found = expect.bundle(response, "searchset")
    if shelf.names([found]) != ["bob"]:
        expect.fail("with a parameter to ignore, the other parameters are not applied")
    if "conformance-no-such" in used(found):
        expect.fail("the self link names a parameter that was not used")
    if "gender" not in used(found):
        expect.fail("the self link does not name the parameter gender that was used")


_GRAPH = (*need.searchable("Organization"), *need.searchable("Patient"))

GROUP = Group(
    "search-errors",
    "Searches with mistakes",
    (
        Check(
            "search-bad-date",
            "A value that is no date is refused",
            "search.html#errors",
            Level.SHOULD,
            _dates,
            (need.interactions("search-type", of="Patient"), need.search_param("birthdate", of="Patient")),
        ),
        Check(
            "search-bad-number",
            "A value that is no number is refused",
            "search.html#errors",
            Level.SHOULD,
            _numbers,
            (
                need.interactions("search-type", of="RiskAssessment"),
                need.search_param("probability", of="RiskAssessment"),
            ),
        ),
        Check(
            "search-bad-quantity",
            "A value that is no quantity is refused",
            "search.html#errors",
            Level.SHOULD,
            _quantities,
            (need.interactions("search-type", of="Observation"), need.search_param("value-quantity", of="Observation")),
        ),
        Check(
            "search-bad-prefix",
            "A prefix that is none is refused",
            "search.html#errors",
            Level.SHOULD,
            _prefix,
            (need.interactions("search-type", of="Patient"), need.search_param("birthdate", of="Patient")),
        ),
        Check(
            "search-bad-missing",
            "A value of :missing other than true and false is refused",
            "search.html#errors",
            Level.SHOULD,
            _boolean_of_missing,
            (need.interactions("search-type", of="Patient"), need.search_param("gender", of="Patient")),
        ),
        Check(
            "search-wrong-modifier",
            "A modifier that does not fit the parameter is refused",
            "search.html#modifiers",
            Level.SHALL,
            _wrong_modifier,
            (*need.searchable("Patient", "birthdate"), *_GRAPH),
        ),
        Check(
            "search-odd-values",
            "No value makes the server fail",
            "http.html#Status-Codes",
            Level.SHALL,
            _no_server_error,
            (need.interactions("search-type", of="Patient"), need.search_param("identifier", of="Patient")),
        ),
        Check(
            "search-unknown-code",
            "A code that nothing has finds nothing and is no error",
            "search.html#errors",
            Level.SHOULD,
            _unknown_code,
            (*need.searchable("Observation", "code"), *_GRAPH),
        ),
        Check(
            "search-empty-parameter",
            "A parameter without a value is ignored",
            "search.html#errors",
            Level.SHALL,
            _empty,
            (*need.searchable("Patient", "gender"), *_GRAPH),
        ),
        Check(
            "search-self-repeated",
            "The self link names a parameter that was used several times",
            "search.html#conformance",
            Level.SHALL,
            _each_named,
            (*need.searchable("Patient", "gender"), *_GRAPH),
        ),
        Check(
            "search-self-lenient",
            "With a parameter to ignore the self link names those that were used and no other",
            "search.html#conformance",
            Level.SHALL,
            _half_known,
            (*need.searchable("Patient", "gender"), *_GRAPH),
        ),
    ),
)

"""https://hl7.org/fhir/R4/http.html#general"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.definitions import load
from fhir_server.errors import BadRequest, FhirError, MethodNotAllowed, NotFound, UnknownType
from fhir_server.rest.interactions import INTERACTIONS
from fhir_server.rest.router import Router

ROUTER = Router(INTERACTIONS, load().resource_types, load().compartments)


@pytest.mark.parametrize(
    "method, path, code, values",
    [
        ("GET", "", "search-system", ("", "", 0, "")),
        ("POST", "", "transaction", ("", "", 0, "")),
        ("GET", "metadata", "capabilities", ("", "", 0, "")),
        ("GET", "_history", "history-system", ("", "", 0, "")),
        ("POST", "_search", "search-system", ("", "", 0, "")),
        ("GET", "$meta", "operation", ("", "", 0, "meta")),
        ("GET", "Patient", "search-type", ("Patient", "", 0, "")),
        ("POST", "Patient", "create", ("Patient", "", 0, "")),
        ("PUT", "Patient", "update", ("Patient", "", 0, "")),
        ("POST", "Patient/_search", "search-type", ("Patient", "", 0, "")),
        ("GET", "Patient/_history", "history-type", ("Patient", "", 0, "")),
        ("POST", "Patient/$validate", "operation", ("Patient", "", 0, "validate")),
        ("GET", "Patient/a.b-C", "read", ("Patient", "a.b-C", 0, "")),
        ("HEAD", "Patient/1", "read", ("Patient", "1", 0, "")),
        ("DELETE", "Patient/1", "delete", ("Patient", "1", 0, "")),
        ("GET", "Patient/1/_history", "history-instance", ("Patient", "1", 0, "")),
        ("GET", "Patient/1/_history/7", "vread", ("Patient", "1", 7, "")),
        ("GET", "Patient/1/_history/7/$meta", "operation", ("Patient", "1", 7, "meta")),
        ("POST", "Patient/1/_history/7/$meta", "operation", ("Patient", "1", 7, "meta")),
        ("GET", "Patient/1/$everything", "operation", ("Patient", "1", 0, "everything")),
    ],
)
def test_a_path_and_a_method_name_an_interaction(
    method: str, path: str, code: str, values: tuple[str, str, int, str]
) -> None:
    route = ROUTER.route(method, path)
    assert (route.target.code, (route.type, route.id, route.version, route.operation)) == (code, values)


@pytest.mark.parametrize(
    "method, path, error",
    [
        ("GET", "Nothing", UnknownType),
        ("GET", "/Patient", UnknownType),
        ("GET", "patient", UnknownType),
        ("GET", "_nothing", NotFound),
        ("GET", "Patient/1/2", NotFound),
        ("GET", "Patient/1/_history/1/2", NotFound),
        ("GET", "Patient/1/_history/x", NotFound),
        ("GET", "metadata/1", NotFound),
        ("GET", "$meta/1", NotFound),
        ("GET", "Patient/a b", BadRequest),
        ("GET", "Patient/..", BadRequest),
        ("GET", "Patient/.", BadRequest),
        ("GET", "Patient//1", BadRequest),
        ("GET", "Patient/\x00", BadRequest),
        ("GET", "Patient/" + "x" * 65, BadRequest),
        ("GET", "Patient/1/_history/a b", BadRequest),
        ("GET", "$-", BadRequest),
        ("POST", "Patient/1", MethodNotAllowed),
        ("PUT", "", MethodNotAllowed),
        ("FOO", "Patient", MethodNotAllowed),
    ],
)
def test_what_names_none_is_refused(method: str, path: str, error: type[FhirError]) -> None:
    with pytest.raises(error):
        ROUTER.route(method, path)


def test_the_methods_of_a_path_are_known() -> None:
    assert ROUTER.methods("Patient/1") == ["DELETE", "GET", "HEAD", "PATCH", "PUT"]
    assert ROUTER.methods("") == ["GET", "HEAD", "POST"]


@given(st.text(max_size=80) | st.lists(st.sampled_from(["Patient", "_history", "$meta", "1", "", ".."])).map("/".join))
def test_any_path_is_routed_or_refused(path: str) -> None:
    try:
        route = ROUTER.route("GET", path)
    except FhirError as error:
        assert 400 <= error.status < 500
    else:
        assert route.target in INTERACTIONS

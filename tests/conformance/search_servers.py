"""Servers that store anything and claim every search, each with one fault: no check may pass whatever is answered."""

from __future__ import annotations

import urllib.parse
from typing import Any

from tests.conformance.small_server import Answer, Call, Query, Refused, Resource, SmallServer

_COMMON = {
    "identifier": "token",
    "_tag": "token",
    "_id": "token",
    "_lastUpdated": "date",
    "url": "uri",
    "near": "special",
    "_profile": "uri",
    "_security": "token",
    "_source": "uri",
    "_text": "string",
    "_content": "string",
    "_list": "string",
    "_filter": "special",
}
_TYPES: dict[str, dict[str, str]] = {
    "Patient": {
        "birthdate": "date",
        "given": "string",
        "family": "string",
        "name": "string",
        "address-city": "string",
        "gender": "token",
        "active": "token",
        "organization": "reference",
        "general-practitioner": "reference",
    },
    "Organization": {"name": "string", "address-city": "string", "partof": "reference"},
    "Observation": {
        "code": "token",
        "category": "token",
        "date": "date",
        "subject": "reference",
        "patient": "reference",
        "has-member": "reference",
        "value-quantity": "quantity",
        "code-value-quantity": "composite",
        "component-code-value-quantity": "composite",
    },
    "RiskAssessment": {"probability": "number"},
    "CarePlan": {"instantiates-canonical": "reference"},
    "CodeSystem": {},
    "ValueSet": {},
    "Location": {},
    "List": {},
}
_CODES = ("create", "read", "update", "delete", "search-type")
_SCOPE = ("identifier", "_tag")


class AnyServer(SmallServer):
    """Finds what carries the mark that a shelf is found by, and ignores all other criteria, yet says it used them."""

    def route(self, call: Call) -> Answer:
        steps = [urllib.parse.unquote(step) for step in call.path.split("/") if step]
        if steps == ["metadata"]:
            return Answer(200, self.claims())
        if steps and steps[-1] == "_search":
            form = urllib.parse.parse_qsl(call.body.decode(), keep_blank_values=True)
            return self.search(Call("POST", "/".join(steps[:-1]), call.query + form, call.headers), None)
        if call.method == "POST":
            return self.persist(
                call, steps[0], self.new_id(), self.decoded(call.body, "application/fhir+json"), "POST", 201
            )
        if call.method == "DELETE":
            return self.delete(steps[0], steps[1])
        if call.method == "PUT":
            return self.write(call, steps[0], steps[1], self.decoded(call.body, "application/fhir+json"))
        return self.read(call, steps[0], steps[1]) if len(steps) == 2 else self.search(call, None)

    def search(self, call: Call, kind: str | None) -> Answer:
        type_ = call.path.rpartition("/")[2]
        keys = [key for key in self.standing if type_ in ("", key[0])]
        found = self.chosen([key for key in keys if self.fits_scope(key, call.query)], call)
        url = f"{self.base}/{call.path}?{urllib.parse.urlencode(call.query)}"
        entries = [self.entry_of(key, mode) for key, mode in found]
        link = [{"relation": "self", "url": url}]
        return Answer(200, {"resourceType": "Bundle", "type": "searchset", "total": 99, "link": link, "entry": entries})

    def chosen(self, keys: list[tuple[str, str]], call: Call) -> list[tuple[tuple[str, str], str]]:
        """Return what is answered, each with its mode."""
        return [(key, "match") for key in keys]

    def entry_of(self, key: tuple[str, str], mode: str) -> Resource:
        version = self.current(*key)
        assert version is not None
        return {"fullUrl": f"{self.base}/{'/'.join(key)}", "resource": version.resource, "search": {"mode": mode}}

    def fits_scope(self, key: tuple[str, str], query: Query) -> bool:
        version = self.current(*key)
        marks = [value for name, value in query if name in _SCOPE and "|" in value]
        return all(mark.rpartition("|")[2] in str(version) for mark in marks[:1])

    def claims(self) -> dict[str, Any]:
        statement = self.statement()
        statement["rest"][0]["interaction"] = [{"code": "search-system"}]
        statement["rest"][0]["resource"] = [
            {
                "type": kind,
                "interaction": [{"code": code} for code in _CODES],
                "searchParam": [{"name": n, "type": t} for n, t in {**_COMMON, **parameters}.items()],
            }
            for kind, parameters in _TYPES.items()
        ]
        return statement


def is_scope_alone(query: Query) -> bool:
    """Whether a search asks for no more than for all that a shelf holds."""
    return all(name in (*_SCOPE, "_count", "_id") for name, _ in query) and ("_count", "1") not in query


class FindsNothing(AnyServer):
    """Finds a shelf as a whole, and nothing by any criterion."""

    def chosen(self, keys: list[tuple[str, str]], call: Call) -> list[tuple[tuple[str, str], str]]:
        return super().chosen(keys, call) if is_scope_alone(call.query) else []


class IncludesAll(AnyServer):
    """Adds everything that it has to whatever it finds, as included, also what matches."""

    def chosen(self, keys: list[tuple[str, str]], call: Call) -> list[tuple[tuple[str, str], str]]:
        if is_scope_alone(call.query):
            return super().chosen(keys, call)
        return [*super().chosen(keys, call), *((key, "include") for key in self.standing)]


class MixesModes(AnyServer):
    """Calls everything that it has a match."""

    def chosen(self, keys: list[tuple[str, str]], call: Call) -> list[tuple[tuple[str, str], str]]:
        return super().chosen(self.standing if not is_scope_alone(call.query) else keys, call)


class Breaks(AnyServer):
    """Fails on anything that asks for more than a whole shelf."""

    def chosen(self, keys: list[tuple[str, str]], call: Call) -> list[tuple[tuple[str, str], str]]:
        if is_scope_alone(call.query) and not any(len(value) > 100 for _, value in call.query):
            return super().chosen(keys, call)
        raise Refused(500, "exception", "broken")


class LosesTypes(AnyServer):
    """Finds resources of every type in a search for one, and loses those of a search by POST or of the whole system."""

    def chosen(self, keys: list[tuple[str, str]], call: Call) -> list[tuple[tuple[str, str], str]]:
        if call.method == "POST" or not call.path:
            return []
        return super().chosen([key for key in self.standing if self.fits_scope(key, call.query)], call)


class StrayPages(AnyServer):
    """Gives one more page to every search with _count, with all that it has and a link back to nothing."""

    def search(self, call: Call, kind: str | None) -> Answer:
        answer = super().search(call, kind)
        names = [name for name, _ in call.query]
        if "_count" in names and "page" not in names:
            answer.body["link"].append({"relation": "next", "url": f"{self.base}/{call.path}?page=2"})
        if "page" in names:
            answer.body["link"].append({"relation": "previous", "url": f"{self.base}/{call.path}?identifier=x|none"})
        return answer


class EmptyPages(StrayPages):
    """Gives one more page to every search with _count, without anything."""

    def chosen(self, keys: list[tuple[str, str]], call: Call) -> list[tuple[tuple[str, str], str]]:
        return [] if call.parameter("page") else super().chosen(keys, call)

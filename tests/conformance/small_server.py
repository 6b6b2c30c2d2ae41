"""A small FHIR server in memory, JSON only, for proving the suite: its legal choices and its faults can be set.

It shares no code with the project's server, so the suite is tried against two servers that know nothing of each other.
"""

from __future__ import annotations

import copy
import json
import re
import urllib.parse
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from conformance.json_content import NotJson, decode, encode
from conformance.r4 import ID, RESOURCE_TYPES
from conformance.xml_writer import encode as encode_xml
from tests.conformance.small_patch import Unpatchable, fhirpath_patch, json_patch
from tests.conformance.small_rules import problems
from tests.conformance.small_xml import NotXml
from tests.conformance.small_xml import decode as decode_xml

Resource = dict[str, Any]
Query = list[tuple[str, str]]
TYPES = ("Patient", "Organization", "Observation", "Binary")
_MANDATORY = ("resourceType", "id", "meta", "status", "code")
_BEYOND_SUMMARY = ("text", "contact", "component")


@dataclass(frozen=True)
class Choices:
    """What the specification leaves to a server."""

    gone: int = 410  # or 404 for a server that does not track deletes
    deleted: int = 204  # or 200
    delete_unknown: int = 204  # or 404
    invalid: int = 400  # or 422
    absolute: bool = True  # Location
    versions: bool = True
    update_create: bool = True
    body: bool = True  # without Prefer
    conditional_delete: str = "multiple"  # or "single"
    strict: bool = True  # an unknown search parameter without Prefer
    head: bool = True
    not_modified: bool = True
    totals: bool = True
    outcome_on_delete: bool = False
    search: bool = True
    write: bool = True
    versioned_update: bool = False
    xml: bool = False


@dataclass
class Call:
    """A request: path relative to the base, decoded query."""

    method: str
    path: str
    query: Query
    headers: dict[str, str]  # lower case
    body: bytes = b""
    format: str = "json"  # of the answer

    def parameter(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    @property
    def wants(self) -> str:
        return self.headers.get("prefer", "")


@dataclass
class Answer:
    """A response."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Version:
    """One version; `resource` is None for a delete."""

    number: int
    when: datetime
    method: str
    resource: Resource | None


class Refused(Exception):
    """The request is refused."""

    def __init__(self, status: int, code: str, text: str, expression: str = "") -> None:
        self.status = status
        issue: Resource = {"severity": "error", "code": code, "diagnostics": text}
        if expression:
            issue["expression"] = [expression]
        self.outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        super().__init__(text)


class SmallServer:
    """The server; `fault` may change any answer before it is sent."""

    linking: Collection[str] = ("reference", "valueUri", "valueUrl", "div")

    def __init__(self, choices: Choices | None = None, fault: Callable[[Call, Answer], Answer] | None = None) -> None:
        self.choices = choices or Choices()
        self.fault = fault
        self.base = ""
        self.store: dict[tuple[str, str], list[Version]] = {}
        self.numbers = 0
        self.seen: list[Call] = []

    def handle(self, call: Call) -> Answer:
        """Answer a request."""
        self.seen.append(call)
        answer = self.entry(call)
        if self.fault:
            answer = self.fault(call, answer)
        if answer.body is not None or call.method == "HEAD":
            answer.headers.setdefault("Content-Type", f"application/fhir+{call.format}; charset=utf-8")
        if isinstance(answer.body, dict) and call.format == "xml":
            answer.body = self.xml(answer.body)
        if call.method == "HEAD":
            answer.body = None
        return answer

    def xml(self, resource: Resource) -> bytes:
        """Return a resource as XML."""
        return encode_xml(resource)

    def entry(self, call: Call) -> Answer:
        """Answer a request or an entry of a bundle."""
        try:
            return self.route(call)
        except Refused as refused:
            return Answer(refused.status, refused.outcome)

    @property
    def standing(self) -> list[tuple[str, str]]:
        """What is stored and not deleted."""
        return [key for key, versions in self.store.items() if versions[-1].resource is not None]

    def persist_for_test(self, kind: str, id_: str) -> None:
        """Store a resource that no run made."""
        body: Resource = {"resourceType": kind, "active": True, "identifier": [{"system": "urn:x", "value": id_}]}
        self.persist(Call("PUT", "", [], {}), kind, id_, body, "PUT", 201)

    # Routing

    def route(self, call: Call) -> Answer:
        steps = [urllib.parse.unquote(step) for step in call.path.split("/") if step]
        method = call.method
        if method == "HEAD":
            if not self.choices.head:
                return Answer(405, None, {"Allow": "GET"})
            method = "GET"
        self.negotiate(call)
        if not steps:
            return self.bundle(call) if method == "POST" else self.search(call, None)
        if steps[0] in ("metadata", "_history"):
            return self.of_system(call, method, steps[0])
        kind, *rest = steps
        if kind not in TYPES:
            raise Refused(404, "not-supported", "this type is not supported")
        if not rest:
            return self.of_type(call, method, kind)
        if rest[-1].startswith("$"):
            return self.operation(call, kind, rest)
        if rest == ["_search"] and method == "POST":
            form = urllib.parse.parse_qsl(call.body.decode())
            return self.search(Call("GET", kind, call.query + form, call.headers), kind)
        if rest == ["_history"]:
            return self.history(call, kind, None)
        if not ID.fullmatch(rest[0]):
            raise Refused(400, "value", "this is no id")
        if rest[1:2] == ["_history"]:
            return self.vread(kind, rest[0], rest[2]) if rest[2:] else self.history(call, kind, rest[0])
        return self.of_instance(call, method, kind, rest[0])

    def of_system(self, call: Call, method: str, name: str) -> Answer:
        if method != "GET":
            return Answer(405, Refused(405, "not-supported", "read only").outcome, {"Allow": "GET, HEAD"})
        if name == "_history":
            return self.history(call, None, None)
        return Answer(200, self.statement(), {"ETag": 'W/"1"'})

    def of_type(self, call: Call, method: str, kind: str) -> Answer:
        if method == "GET":
            return self.search(call, kind)
        if method == "POST":
            return self.create(call, kind)
        matches = self.matches(kind, call.query)
        if method == "DELETE":
            if len(matches) > 1 and self.choices.conditional_delete == "single":
                raise Refused(412, "multiple-matches", "several match")
            for one in matches:
                self.remove(*one)
            return Answer(204)
        if len(matches) > 1:
            raise Refused(412, "multiple-matches", "several match")
        if method == "PATCH":
            if not matches:
                raise Refused(404, "not-found", "none matches")
            return self.patch(call, *matches[0])
        body = self.content(call, kind)
        if not matches:
            return self.write(call, kind, body["id"], body) if "id" in body else self.create(call, kind)
        if body.get("id") not in (None, matches[0][1]):
            raise Refused(400, "invalid", "another id matches")
        return self.write(call, kind, matches[0][1], {**body, "id": matches[0][1]})

    def of_instance(self, call: Call, method: str, kind: str, id_: str) -> Answer:
        if method == "GET":
            return self.read(call, kind, id_)
        if method == "PUT":
            body = self.content(call, kind)
            if body.get("id") != id_:
                raise Refused(400, "invalid", "the id of the body is not that of the URL")
            return self.write(call, kind, id_, body)
        if method == "PATCH":
            return self.patch(call, kind, id_)
        if method == "DELETE":
            return self.delete(kind, id_)
        raise Refused(405, "not-supported", "not here")

    def negotiate(self, call: Call) -> None:
        """Choose the format of the answer, "json" or "xml", into `call.format`."""
        if call.path.startswith("Binary/"):
            return
        wanted = call.parameter("_format") or call.headers.get("accept", "*/*")
        best = max((self.preference(part) for part in wanted.split(",")), key=lambda one: one[0])
        if best[0] <= 0 or (best[1] == "xml" and not self.choices.xml):
            raise Refused(406, "not-supported", "this format is not served")
        call.format = best[1]

    def preference(self, part: str) -> tuple[float, str]:
        name, *parameters = [one.strip().lower() for one in part.split(";")]
        weight = next((float(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
        if name in ("*/*", "json", "text/html") or name.endswith(("/json", "+json")):
            return weight, "json"
        if name == "xml" or name.endswith(("/xml", "+xml")):
            return weight if self.choices.xml else 0.0, "xml"
        return 0.0, ""

    # Reading a body

    def content(self, call: Call, kind: str | None) -> Resource:
        media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "Binary" and media_type != "application/fhir+json":
            return {"resourceType": kind, "contentType": media_type, "data": b64encode(call.body).decode()}
        body = self.decoded(call.body, media_type)
        for place, text in problems(body, kind):
            raise Refused(self.choices.invalid, "invalid", text, place)
        return dict(body)

    def decoded(self, raw: bytes, media_type: str) -> Any:
        try:
            if media_type == "application/fhir+json":
                return decode(raw)
            if media_type == "application/fhir+xml" and self.choices.xml:
                return decode_xml(raw)
        except (NotJson, NotXml, ArithmeticError):
            raise Refused(400, "structure", "the body cannot be read") from None
        raise Refused(415, "not-supported", "this format is not taken")

    # Writing

    def create(self, call: Call, kind: str) -> Answer:
        body = self.content(call, kind)
        if criteria := call.headers.get("if-none-exist"):
            matches = self.matches(kind, urllib.parse.parse_qsl(criteria))
            if len(matches) > 1:
                raise Refused(412, "multiple-matches", "several match")
            if matches:
                return self.stored(call, 200, *matches[0])
        return self.persist(call, kind, self.new_id(), body, "POST", 201)

    def new_id(self) -> str:
        self.numbers += 1
        return f"s{self.numbers}"

    def write(self, call: Call, kind: str, id_: str, body: Resource, method: str = "PUT") -> Answer:
        current = self.current(kind, id_)
        if not ID.fullmatch(id_):
            raise Refused(400, "value", "this is no id")
        if current is None and not self.choices.update_create and (kind, id_) not in self.store:
            raise Refused(405, "not-supported", "ids are given by the server")
        match = call.headers.get("if-match")
        if self.choices.versioned_update and current and match is None:
            raise Refused(400, "required", "If-Match is required")
        if match is not None and (current is None or match.removeprefix("W/").strip('"') != str(current.number)):
            raise Refused(412, "conflict", "another version is current")
        return self.persist(call, kind, id_, body, method, 200 if current else 201)

    def persist(self, call: Call, kind: str, id_: str, body: Resource, method: str, status: int) -> Answer:
        versions = self.store.setdefault((kind, id_), [])
        number, when = len(versions) + 1, datetime.now(UTC)
        meta = {k: v for k, v in body.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}
        meta["lastUpdated"] = when.isoformat(timespec="milliseconds")
        if self.choices.versions:
            meta["versionId"] = str(number)
        versions.append(Version(number, when, method, {**body, "id": id_, "meta": meta}))
        return self.stored(call, status, kind, id_)

    def stored(self, call: Call, status: int, kind: str, id_: str) -> Answer:
        current = self.current(kind, id_)
        assert current is not None
        place = f"{kind}/{id_}" + (f"/_history/{current.number}" if self.choices.versions else "")
        headers = self.headers(current) | {"Location": f"{self.base}/{place}" if self.choices.absolute else place}
        if "return=minimal" in call.wants or ("return=" not in call.wants and not self.choices.body):
            return Answer(status, None, headers)
        if "return=OperationOutcome" in call.wants:
            issue = {"severity": "information", "code": "informational", "diagnostics": "stored"}
            return Answer(status, {"resourceType": "OperationOutcome", "issue": [issue]}, headers)
        return Answer(status, current.resource, headers)

    def patch(self, call: Call, kind: str, id_: str) -> Answer:
        current = self.current(kind, id_)
        if current is None or current.resource is None:
            raise Refused(404, "not-found", "nothing to patch")
        media_type = call.headers.get("content-type", "").partition(";")[0]
        try:
            if media_type == "application/json-patch+json":
                made = json_patch(current.resource, decode(call.body))
            elif media_type == "application/fhir+json":
                made = fhirpath_patch(current.resource, decode(call.body))
            else:
                raise Refused(415, "not-supported", "not a patch format")
        except (Unpatchable, NotJson) as error:
            raise Refused(422, "processing", str(error)) from error
        if made.get("id") != id_:
            raise Refused(400, "invalid", "the id cannot change")
        for place, text in problems(made, kind):
            raise Refused(self.choices.invalid, "invalid", text, place)
        return self.write(call, kind, id_, made, "PATCH")

    def delete(self, kind: str, id_: str) -> Answer:
        if (kind, id_) not in self.store:
            return Answer(self.choices.delete_unknown)
        self.remove(kind, id_)
        if self.choices.outcome_on_delete:
            issue = {"severity": "information", "code": "informational", "diagnostics": "deleted"}
            return Answer(200, {"resourceType": "OperationOutcome", "issue": [issue]})
        return Answer(self.choices.deleted)

    def remove(self, kind: str, id_: str) -> None:
        versions = self.store[kind, id_]
        if versions[-1].resource is not None:
            versions.append(Version(len(versions) + 1, datetime.now(UTC), "DELETE", None))

    # Reading

    def current(self, kind: str, id_: str) -> Version | None:
        versions = self.store.get((kind, id_))
        return versions[-1] if versions and versions[-1].resource is not None else None

    def headers(self, version: Version) -> dict[str, str]:
        made = {"Last-Modified": format_datetime(version.when, usegmt=True)}
        return made | ({"ETag": f'W/"{version.number}"'} if self.choices.versions else {})

    def read(self, call: Call, kind: str, id_: str) -> Answer:
        current = self.current(kind, id_)
        if current is None or current.resource is None:
            known = (kind, id_) in self.store
            raise Refused(self.choices.gone if known else 404, "deleted" if known else "not-found", "not here")
        headers = self.headers(current)
        if self.choices.not_modified:
            since = call.headers.get("if-modified-since")
            unchanged = since is not None and current.when.replace(microsecond=0) <= parsedate_to_datetime(since)
            if unchanged or call.headers.get("if-none-match") == headers.get("ETag", "none"):
                return Answer(304, None, headers)
        if kind == "Binary" and "json" not in call.headers.get("accept", ""):
            media_type = {"Content-Type": current.resource["contentType"]}
            return Answer(200, b64decode(current.resource["data"]), headers | media_type)
        return Answer(200, self.subset(call, current.resource), headers)

    def vread(self, kind: str, id_: str, number: str) -> Answer:
        for version in self.store.get((kind, id_), []):
            if str(version.number) == number:
                if version.resource is None:
                    raise Refused(410, "deleted", "this version is the delete")
                return Answer(200, version.resource, self.headers(version))
        raise Refused(404, "not-found", "no such version")

    def subset(self, call: Call, resource: Resource) -> Resource:
        summary, elements = call.parameter("_summary"), call.parameter("_elements")
        if elements:
            kept = {k: v for k, v in resource.items() if k in {*_MANDATORY, *elements.split(",")}}
        elif summary == "true":
            kept = {k: v for k, v in resource.items() if k not in _BEYOND_SUMMARY}
        elif summary == "text":
            kept = {k: v for k, v in resource.items() if k in {*_MANDATORY, "text"}}
        elif summary == "data":
            kept = {k: v for k, v in resource.items() if k != "text"}
        else:
            return resource
        kept = copy.deepcopy(kept)
        kept["meta"].setdefault("tag", []).append({"code": "SUBSETTED"})
        return kept

    def history(self, call: Call, kind: str | None, id_: str | None) -> Answer:
        if id_ is not None and (str(kind), id_) not in self.store:
            raise Refused(404, "not-found", "no history")
        held = [
            (key, version)
            for key, versions in self.store.items()
            if kind in (None, key[0]) and id_ in (None, key[1])
            for version in versions
        ]
        if since := call.parameter("_since"):
            held = [one for one in held if one[1].when >= datetime.fromisoformat(since)]
        if at := call.parameter("_at"):
            before = [one for one in held if one[1].when <= datetime.fromisoformat(at)]
            held = [max(before, key=lambda one: one[1].number)] if before else []
        held.sort(key=lambda one: one[1].when, reverse=True)
        return self.page(call, "history", [self.record(*one) for one in held])

    def record(self, key: tuple[str, str], version: Version) -> Resource:
        url = key[0] if version.method == "POST" else "/".join(key)
        made: Resource = {"fullUrl": f"{self.base}/{'/'.join(key)}"}
        if version.resource is not None:
            made["resource"] = version.resource
        made["request"] = {"method": "PUT" if version.method == "PATCH" else version.method, "url": url}
        made["response"] = {
            "status": "200",
            "etag": f'W/"{version.number}"',
            "lastModified": version.when.isoformat(timespec="milliseconds"),
        }
        return made

    # Searching

    def matches(self, kind: str | None, query: Query) -> list[tuple[str, str]]:
        for name, value in query:
            if name == "_lastUpdated":
                moment_of(value)
        found = [key for key in self.standing if kind in (None, key[0])]
        for name, value in query:
            if name in ("_id", "identifier", "_tag", "_lastUpdated"):
                found = [key for key in found if self.fits(key, name, value)]
        return found

    def fits(self, key: tuple[str, str], name: str, value: str) -> bool:
        current = self.current(*key)
        assert current is not None and current.resource is not None
        if name == "_id":
            return key[1] in value.split(",")
        if name == "_lastUpdated":
            prefix, moment = moment_of(value)
            return current.when > moment if prefix in ("gt", "ge") else current.when < moment
        held = current.resource["meta"].get("tag", []) if name == "_tag" else current.resource.get("identifier", [])
        text = "code" if name == "_tag" else "value"
        system, bar, wanted = re.sub(r"\\([,$])", r"\1", value).partition("|")
        if not bar:
            return any(one.get(text) == system for one in held)
        wanted = wanted.replace("\\|", "|")
        return any(one.get("system", "") == system and wanted in ("", one.get(text)) for one in held)

    def search(self, call: Call, kind: str | None) -> Answer:
        known = ("_id", "identifier", "_tag", "_lastUpdated", "_count", "_offset", "_summary", "_elements", "_format")
        unknown = [name for name, _ in call.query if name not in known]
        if any(":" in name or name == "_query" for name in unknown):
            raise Refused(400, "not-supported", "unknown modifier or query")
        lenient = "handling=lenient" in call.wants
        if unknown and not lenient and (self.choices.strict or "handling=strict" in call.wants):
            raise Refused(400, "not-supported", "unknown parameter")
        found = [self.current(*key) for key in self.matches(kind, call.query)]
        used = [(name, value) for name, value in call.query if name in known]
        entries: list[Resource] = [
            {
                "fullUrl": f"{self.base}/{one.resource['resourceType']}/{one.resource['id']}",
                "resource": self.subset(call, one.resource),
                "search": {"mode": "match"},
            }
            for one in found
            if one is not None and one.resource is not None
        ]
        answer = self.page(Call("GET", call.path, used, call.headers), "searchset", entries)
        if unknown:
            issue = {"severity": "warning", "code": "not-supported", "diagnostics": "a parameter was ignored"}
            outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
            answer.body.setdefault("entry", []).append({"resource": outcome, "search": {"mode": "outcome"}})
        return answer

    def page(self, call: Call, kind: str, entries: list[Resource]) -> Answer:
        asked = call.parameter("_count") or "100"
        if not asked.isdecimal():
            raise Refused(400, "value", "_count is no whole number")
        count, offset = int(asked), int(call.parameter("_offset") or 0)
        counting = call.parameter("_summary") == "count" or count == 0
        url = f"{self.base}/{call.path}".rstrip("/")
        rest = [(name, value) for name, value in call.query if name != "_offset"]
        bundle: Resource = {"resourceType": "Bundle", "type": kind}
        if self.choices.totals or counting:
            bundle["total"] = len(entries)
        bundle["link"] = [{"relation": "self", "url": f"{url}?{urllib.parse.urlencode(call.query)}"}]
        if offset + count < len(entries) and not counting:
            following = urllib.parse.urlencode([*rest, ("_offset", str(offset + count))])
            bundle["link"].append({"relation": "next", "url": f"{url}?{following}"})
        if not counting and (shown := entries[offset : offset + count]):
            bundle["entry"] = shown
        return Answer(200, bundle)

    # Bundles

    def bundle(self, call: Call) -> Answer:
        body = self.decoded(call.body, call.headers.get("content-type", "").partition(";")[0])
        if not isinstance(body, dict) or body.get("type") not in ("batch", "transaction"):
            raise Refused(400, "invalid", "neither a batch nor a transaction")
        entries = body.get("entry", [])
        if any("request" not in one for one in entries):
            raise Refused(400, "required", "an entry has no request")
        if body["type"] == "batch":
            made = [self.answered(self.entry(self.call_of(call, one))) for one in entries]
            return Answer(200, self.response("batch-response", made))
        before = copy.deepcopy(self.store)
        try:
            return Answer(200, self.response("transaction-response", self.transact(call, entries)))
        except Refused:
            self.rollback(before)
            raise

    def rollback(self, before: dict[tuple[str, str], list[Version]]) -> None:
        self.store = before

    def response(self, kind: str, made: list[Resource]) -> Resource:
        return {"resourceType": "Bundle", "type": kind, **({"entry": made} if made else {})}

    def call_of(self, outer: Call, entry: Resource) -> Call:
        request = entry["request"]
        path, _, query = request["url"].partition("?")
        headers = {"prefer": outer.wants, "content-type": "application/fhir+json"}
        headers |= {"if-match": request["ifMatch"]} if "ifMatch" in request else {}
        headers |= {"if-none-exist": request["ifNoneExist"]} if "ifNoneExist" in request else {}
        body = encode(entry["resource"]) if "resource" in entry else b""
        return Call(request["method"], path, urllib.parse.parse_qsl(query), headers, body)

    def answered(self, answer: Answer) -> Resource:
        made: Resource = {}
        is_outcome = isinstance(answer.body, dict) and answer.body.get("resourceType") == "OperationOutcome"
        if answer.body is not None and not is_outcome:
            made["resource"] = answer.body
        made["response"] = {"status": str(answer.status)}
        if is_outcome:
            made["response"]["outcome"] = answer.body
        for name, header in (("location", "Location"), ("etag", "ETag")):
            if header in answer.headers:
                made["response"][name] = answer.headers[header]
        return made

    def order(self, entries: list[Resource]) -> list[int]:
        """Return the places of the entries in the order in which they are processed."""
        methods = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")
        return sorted(range(len(entries)), key=lambda number: methods.index(entries[number]["request"]["method"]))

    def transact(self, call: Call, entries: list[Resource]) -> list[Resource]:
        names = [one["fullUrl"] for one in entries if "fullUrl" in one]
        if len(set(names)) != len(names):
            raise Refused(400, "duplicate", "one fullUrl names two entries")
        urls = [one["request"]["url"] for one in entries if one["request"]["method"] in ("PUT", "PATCH", "DELETE")]
        if len(set(urls)) != len(urls):
            raise Refused(400, "duplicate", "one resource appears twice")
        names, chosen = self.assign(call, entries)
        made: list[Resource] = [{}] * len(entries)
        for number in self.order(entries):
            one = self.call_of(call, self.linked(entries[number], names))
            answer = self.post_as(one, chosen[number]) if number in chosen else self.entry(one)
            if answer.status >= 400:
                raise Refused(answer.status, "processing", f"entry {number} failed")
            made[number] = self.answered(answer)
        return made

    def assign(self, call: Call, entries: list[Resource]) -> tuple[dict[str, str], dict[int, str]]:
        """Give every POST its id, so that references can be replaced before anything is stored."""
        names: dict[str, str] = {}
        chosen: dict[int, str] = {}
        deleted = {one["request"]["url"] for one in entries if one["request"]["method"] == "DELETE"}
        for number, one in enumerate(entries):
            request, url = one["request"], str(one.get("fullUrl", ""))
            if request["method"] != "POST":
                continue
            kind = request["url"]
            matches = (
                self.matches(kind, urllib.parse.parse_qsl(request["ifNoneExist"])) if "ifNoneExist" in request else []
            )
            matches = [key for key in matches if "/".join(key) not in deleted]
            if not matches:
                chosen[number] = self.new_id()
            place = f"{kind}/{matches[0][1] if matches else chosen[number]}"
            names[url] = place
            if not url.startswith("urn:"):
                names["/".join(url.split("/")[-2:])] = place
        return {name: place for name, place in names.items() if name}, chosen

    def post_as(self, call: Call, id_: str) -> Answer:
        try:
            body = self.content(call, call.path if call.path in TYPES else None)
            return self.persist(call, call.path, id_, body, "POST", 201)
        except Refused as refused:
            return Answer(refused.status, refused.outcome)

    def linked(self, entry: Resource, names: dict[str, str]) -> Resource:
        if "resource" not in entry:
            return entry
        return {**entry, "resource": self.replaced(entry["resource"], names)}

    def replaced(self, value: Any, names: dict[str, str], key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self.replaced(item, names, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self.replaced(item, names, key) for item in value]
        if not isinstance(value, str) or key not in self.linking:
            return value
        if value in names:
            return names[value]
        found = re.fullmatch(r"([A-Z]\w+)\?(.+)", value)
        if found and found[1] in RESOURCE_TYPES:
            matches = self.matches(found[1], urllib.parse.parse_qsl(found[2]))
            if len(matches) != 1:
                raise Refused(412, "multiple-matches", "a conditional reference has not one match")
            return "/".join(matches[0])
        for name, place in names.items():
            value = value.replace(f'"{name}"', f'"{place}"')
        return value

    # Operations

    def operation(self, call: Call, kind: str, rest: list[str]) -> Answer:
        name = rest[-1]
        if name == "$validate":
            body = self.decoded(call.body, call.headers.get("content-type", "").partition(";")[0])
            held = (
                {p["name"]: p.get("resource") for p in body["parameter"]} if "parameter" in body else {"resource": body}
            )
            issues = (
                [{"severity": "error", "code": "invalid", "diagnostics": t} for _, t in problems(held["resource"])]
                if (held.get("resource"))
                else []
            )
            issues = issues or [{"severity": "information", "code": "informational", "diagnostics": "valid"}]
            return Answer(200, {"resourceType": "OperationOutcome", "issue": issues})
        if name == "$everything" and len(rest) == 2:
            return self.everything(call, kind, rest[0])
        raise Refused(404, "not-supported", "no such operation")

    def everything(self, call: Call, kind: str, id_: str) -> Answer:
        self.read(Call("GET", "", [], {}), kind, id_)
        wanted = call.parameter("_type")
        keys = [(kind, id_)] if wanted in (None, kind) else []
        for key in self.standing:
            version = self.current(*key)
            about = f'"{kind}/{id_}"' in json.dumps(version.resource, default=str) if version else False
            if about and wanted in (None, key[0]):
                keys.append(key)
        entries: list[Resource] = [
            {"fullUrl": f"{self.base}/{'/'.join(key)}", "resource": version.resource, "search": {"mode": "match"}}
            for key in keys
            if (version := self.current(*key))
        ]
        return self.page(call, "searchset", entries)

    # Capabilities

    def statement(self) -> Resource:
        choices = self.choices
        codes = ["read"]
        if choices.write:
            codes += ["create", "update", "patch", "delete"]
        if choices.versions:
            codes += ["vread", "history-instance", "history-type"]
        if choices.search:
            codes.append("search-type")
        versioning = (
            "versioned-update" if choices.versioned_update else "versioned" if choices.versions else "no-version"
        )
        parameters = {"_id": "token", "_tag": "token", "_lastUpdated": "date", "identifier": "token"}
        resource: Resource = {
            "interaction": [{"code": code} for code in codes],
            "versioning": versioning,
            "updateCreate": choices.update_create,
            "conditionalCreate": choices.search and choices.write,
            "conditionalUpdate": choices.search and choices.write,
            "conditionalDelete": choices.conditional_delete if choices.search else "not-supported",
            "conditionalRead": "full-support" if choices.not_modified and choices.versions else "not-supported",
            "searchParam": [{"name": n, "type": k} for n, k in parameters.items()] if choices.search else [],
            "operation": [
                {"name": "validate", "definition": "http://hl7.org/fhir/OperationDefinition/Resource-validate"}
            ],
        }
        everything = {"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}
        system = ["batch", "transaction"] if choices.write and choices.search else []
        system += ["history-system"] if choices.versions else []
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": "2026-01-01",
            "kind": "instance",
            "software": {"name": "Small", "version": "1"},
            "implementation": {"description": "A small server"},
            "fhirVersion": "4.0.1",
            "format": ["json", "xml"] if choices.xml else ["json"],
            "patchFormat": ["application/json-patch+json", "application/fhir+json"],
            "rest": [
                {
                    "mode": "server",
                    "resource": [
                        _without_empty({"type": kind, **resource, "operation": [*resource["operation"], everything]})
                        if kind == "Patient"
                        else _without_empty({"type": kind, **resource})
                        for kind in TYPES
                    ],
                    **({"interaction": [{"code": code} for code in system]} if system else {}),
                }
            ],
        }


def moment_of(value: str) -> tuple[str, datetime]:
    """Return the prefix of a date and its first moment; its precision does not matter here."""
    found = re.fullmatch(r"(eq|ne|gt|lt|ge|le)?(\d{4})(?:-(\d\d))?(?:-(\d\d))?", value)
    try:
        if found is None:
            raise ValueError
        return found[1] or "eq", datetime(int(found[2]), int(found[3] or 1), int(found[4] or 1), tzinfo=UTC)
    except ValueError:
        raise Refused(400, "value", "this is no date") from None


def _without_empty(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if value not in ([], {})}


def decimal_free(value: Any) -> Any:
    """Return the value with decimals as floats, which loses digits."""
    if isinstance(value, dict):
        return {key: decimal_free(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decimal_free(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value

"""Servers with one fault each: answers that are changed on their way out, or a step that is done wrongly."""

from __future__ import annotations

import copy
import urllib.parse
from collections.abc import Callable
from typing import Any

from lxml import etree

from conformance.json_content import encode
from tests.conformance.small_patch import json_patch
from tests.conformance.small_server import (
    Answer,
    Call,
    Choices,
    Refused,
    Resource,
    SmallServer,
    Version,
    decimal_free,
)

Change = Callable[[Call, Answer], Any]


def changed(change: Change, **choices: Any) -> SmallServer:
    """Return a server whose answers `change` alters in place."""

    def fault(call: Call, answer: Answer) -> Answer:
        answer.body = copy.deepcopy(answer.body)
        change(call, answer)
        return answer

    return SmallServer(Choices(**choices), fault)


def on(test: Callable[[Call, Answer], bool], act: Change) -> Change:
    """Return a change of those answers only that pass a test."""

    def change(call: Call, answer: Answer) -> None:
        if test(call, answer):
            act(call, answer)

    return change


def is_bundle(kind: str) -> Callable[[Call, Answer], bool]:
    return lambda _, answer: isinstance(answer.body, dict) and answer.body.get("type") == kind


def is_read(call: Call, answer: Answer) -> bool:
    return call.method == "GET" and answer.status == 200 and not is_any_bundle(call, answer) and call.path != "metadata"


def is_any_bundle(_: Call, answer: Answer) -> bool:
    return isinstance(answer.body, dict) and answer.body.get("resourceType") == "Bundle"


def is_write(call: Call, answer: Answer) -> bool:
    return call.method in ("POST", "PUT", "PATCH") and answer.status in (200, 201) and call.path != ""


def status(number: int) -> Change:
    return lambda _, answer: setattr(answer, "status", number)


def header(name: str, value: str | None) -> Change:
    def change(_: Call, answer: Answer) -> None:
        answer.headers.pop(name, None)
        if value is not None:
            answer.headers[name] = value

    return change


def body(value: Any) -> Change:
    return lambda _, answer: setattr(answer, "body", value)


def put(*path: Any) -> Change:
    """Return a change that sets a value deep in the body: put("meta", "versionId", "7")."""

    def change(_: Call, answer: Answer) -> None:
        holder = answer.body
        for step in path[:-2]:
            holder = holder[step]
        holder[path[-2]] = path[-1]

    return change


def each_entry(act: Callable[[Resource], Any]) -> Change:
    def change(_: Call, answer: Answer) -> None:
        for entry in answer.body.get("entry", []):
            act(entry)

    return change


class IgnoresHeader(SmallServer):
    """Does as if a request header were not there."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def route(self, call: Call) -> Answer:
        call.headers.pop(self._name, None)
        return super().route(call)


class IgnoresParameter(SmallServer):
    """Does as if a query parameter were not there."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def route(self, call: Call) -> Answer:
        call.query[:] = [pair for pair in call.query if pair[0] != self._name]
        return super().route(call)


class TakesOverId(SmallServer):
    def create(self, call: Call, kind: str) -> Answer:
        sent = self.content(call, kind)
        return self.persist(call, kind, sent.get("id") or self.new_id(), sent, "POST", 201)


class TakesOverMeta(SmallServer):
    def persist(self, call: Call, kind: str, id_: str, body: Resource, method: str, status: int) -> Answer:
        answer = super().persist(call, kind, id_, body, method, status)
        made = self.store[kind, id_][-1].resource
        assert made is not None
        made["meta"] |= {k: v for k, v in body.get("meta", {}).items() if v in ("no-such-version",)}
        made["meta"] |= {k: v for k, v in body.get("meta", {}).items() if str(v).startswith("1999")}
        return answer


class Drops(SmallServer):
    """Loses elements when it stores."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._names = names

    def persist(self, call: Call, kind: str, id_: str, body: Resource, method: str, status: int) -> Answer:
        kept = {name: value for name, value in body.items() if name not in self._names}
        return super().persist(call, kind, id_, kept, method, status)


class Merges(SmallServer):
    def write(self, call: Call, kind: str, id_: str, body: Resource, method: str = "PUT") -> Answer:
        current = self.current(kind, id_)
        return super().write(call, kind, id_, {**((current and current.resource) or {}), **body}, method)


class AnyId(SmallServer):
    """Takes an update for the id of the URL, whatever the body says."""

    def of_instance(self, call: Call, method: str, kind: str, id_: str) -> Answer:
        if method == "PUT":
            return self.write(call, kind, id_, {**self.content(call, kind), "id": id_})
        return super().of_instance(call, method, kind, id_)


class KeepsDeleted(SmallServer):
    def remove(self, kind: str, id_: str) -> None:
        """Do nothing."""


class FindsDeleted(SmallServer):
    @property
    def standing(self) -> list[tuple[str, str]]:
        return list(self.store)

    def current(self, kind: str, id_: str) -> Version | None:
        return next((one for one in reversed(self.store.get((kind, id_), [])) if one.resource is not None), None)

    def read(self, call: Call, kind: str, id_: str) -> Answer:
        if (kind, id_) in self.store and self.store[kind, id_][-1].resource is None:
            raise Refused(410, "deleted", "gone")
        return super().read(call, kind, id_)


class WipesHistory(SmallServer):
    def remove(self, kind: str, id_: str) -> None:
        super().remove(kind, id_)
        del self.store[kind, id_][:-1]


class FirstOfMany(SmallServer):
    """Takes the first match where there must be one."""

    def matches(self, kind: str | None, query: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return super().matches(kind, query)[:1]

    def search(self, call: Call, kind: str | None) -> Answer:
        return SmallServer.page(
            self,
            call,
            "searchset",
            [
                {"resource": one.resource, "search": {"mode": "match"}}
                for key in SmallServer.matches(self, kind, call.query)
                if (one := self.current(*key))
            ],
        )


class HalfPatch(SmallServer):
    """Keeps the operations of a JSON Patch that came before the one that failed."""

    def patch(self, call: Call, kind: str, id_: str) -> Answer:
        current = self.current(kind, id_)
        if current and current.resource and "json-patch" in call.headers.get("content-type", ""):
            from conformance.json_content import decode

            operations = decode(call.body)
            if isinstance(operations, list) and len(operations) == 2 and operations[0]["op"] == "replace":
                made = json_patch(current.resource, operations[:1])
                self.persist(call, kind, id_, made, "PATCH", 200)
        return super().patch(call, kind, id_)


class StopsBatch(SmallServer):
    """Carries out nothing of a batch after an entry that failed."""

    failed = False

    def bundle(self, call: Call) -> Answer:
        self.failed = False
        return super().bundle(call)

    def answered(self, answer: Answer) -> Resource:
        self.failed = self.failed or answer.status >= 400
        return super().answered(answer)

    def entry(self, call: Call) -> Answer:
        if self.failed and call.path:
            return Answer(424, Refused(424, "processing", "an entry before this one failed").outcome)
        return super().entry(call)

    def handle(self, call: Call) -> Answer:
        self.failed = False
        return super().handle(call)


class NotAtomic(SmallServer):
    def rollback(self, before: dict[tuple[str, str], list[Version]]) -> None:
        """Keep what was stored."""


class BundleOrder(SmallServer):
    def order(self, entries: list[Resource]) -> list[int]:
        return list(range(len(entries)))

    def assign(self, call: Call, entries: list[Resource]) -> tuple[dict[str, str], dict[int, str]]:
        names, chosen = super().assign(call, entries)
        return names, {n: id_ for n, id_ in chosen.items() if "ifNoneExist" not in entries[n]["request"]}


class KeepsReferences(SmallServer):
    def __init__(self, *, urns: bool, searches: bool) -> None:
        super().__init__()
        self._urns, self._searches = urns, searches

    def replaced(self, value: Any, names: dict[str, str], key: str = "") -> Any:
        if isinstance(value, str) and ((self._searches and "?" in value) or (self._urns and value in names)):
            return value
        return super().replaced(value, names, key)


class ReplacesAnyString(SmallServer):
    linking = ("reference", "valueUri", "valueUrl", "div", "valueString", "valueCanonical")


class NewestFirst(SmallServer):
    """Pages by offset over a list that grows at its start."""

    @property
    def standing(self) -> list[tuple[str, str]]:
        return list(reversed(super().standing))


class ReferencesOnly(SmallServer):
    """Replaces references of the resource itself, and nothing in extensions, contained resources or narratives."""

    def linked(self, entry: Resource, names: dict[str, str]) -> Resource:
        made = super().linked(entry, names)
        if "resource" in made:
            deep = {
                name: entry["resource"][name] for name in ("extension", "contained", "text") if name in made["resource"]
            }
            made = {**made, "resource": {**made["resource"], **deep}}
        return made


class BackwardReferences(SmallServer):
    """Knows only the entries before the one that refers to them."""

    def assign(self, call: Call, entries: list[Resource]) -> tuple[dict[str, str], dict[int, str]]:
        names, chosen = super().assign(call, entries)
        self._places = {
            place: number for number, one in enumerate(entries) if (place := names.get(one.get("fullUrl", "")))
        }
        self._entries = entries
        return names, chosen

    def linked(self, entry: Resource, names: dict[str, str]) -> Resource:
        here = self._entries.index(entry)
        return super().linked(entry, {n: p for n, p in names.items() if self._places.get(p, -1) < here})


class Duplicates(SmallServer):
    """Takes one resource twice in a transaction."""

    def transact(self, call: Call, entries: list[Resource]) -> list[Resource]:
        return [self.answered(self.entry(self.call_of(call, one))) for one in entries]


class NoRules(SmallServer):
    """Stores any JSON object."""

    def content(self, call: Call, kind: str | None) -> Resource:
        from conformance.json_content import NotJson, decode

        try:
            found = decode(call.body)
        except NotJson:
            raise Refused(400, "structure", "this is no JSON") from None
        return dict(found) if isinstance(found, dict) and "resourceType" in found else {"resourceType": kind}


class ValidateStores(SmallServer):
    def operation(self, call: Call, kind: str, rest: list[str]) -> Answer:
        answer = super().operation(call, kind, rest)
        if rest == ["$validate"] and b'"parameter"' in call.body:
            from conformance.json_content import decode

            self.persist(call, kind, self.new_id(), decode(call.body)["parameter"][0]["resource"], "POST", 201)
        return answer


class EverythingOfAll(SmallServer):
    def everything(self, call: Call, kind: str, id_: str) -> Answer:
        self.read(Call("GET", "", [], {}), kind, id_)
        held = [one.resource for key in self.standing if (one := self.current(*key))]
        return self.page(call, "searchset", [{"resource": one, "search": {"mode": "match"}} for one in held])


class PostIgnoresBody(SmallServer):
    def route(self, call: Call) -> Answer:
        if call.path.endswith("_search"):
            call.body = b""
        return super().route(call)


class LastParameterWins(SmallServer):
    def matches(self, kind: str | None, query: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return super().matches(kind, list(dict(query).items()))


class NoEscapes(SmallServer):
    def fits(self, key: tuple[str, str], name: str, value: str) -> bool:
        return any(super(NoEscapes, self).fits(key, name, part) for part in value.split(",")) and "\\" not in value


class ChangesXml(SmallServer):
    """Answers XML in which some bytes are others."""

    def __init__(self, old: bytes, new: bytes) -> None:
        super().__init__(Choices(xml=True))
        self._old, self._new = old, new

    def xml(self, resource: Resource) -> bytes:
        return super().xml(resource).replace(self._old, self._new)


class TakesAnyXml(SmallServer):
    """Expands entities and takes every namespace."""

    def __init__(self) -> None:
        super().__init__(Choices(xml=True))

    def decoded(self, raw: bytes, media_type: str) -> Any:
        if media_type.endswith("xml"):
            root = etree.fromstring(raw)
            return {"resourceType": etree.QName(root).localname, "active": True}
        return super().decoded(raw, media_type)


class PrefersJson(SmallServer):
    """Does not look at q-values nor at _format."""

    def __init__(self) -> None:
        super().__init__(Choices(xml=True))

    def negotiate(self, call: Call) -> None:
        call.format = "xml" if call.headers.get("accept") == "application/fhir+xml" else "json"


def floats(_: Call, answer: Answer) -> None:
    """Lose the digits of decimals."""
    if answer.body is not None:
        import json

        answer.body = json.dumps(decimal_free(answer.body)).encode()


def question_marks(_: Call, answer: Answer) -> None:
    """Lose characters beyond Latin-1."""
    if answer.body is not None:
        answer.body = encode(answer.body).decode().encode("latin-1", "replace").decode("latin-1").encode()


def trace(_: Call, answer: Answer) -> None:
    """Show a stack trace in errors."""
    if answer.status >= 400:
        answer.body["issue"][0]["diagnostics"] = (
            'Traceback (most recent call last):\n  File "/srv/app.py", line 7, in read'
        )


def own_total(_: Call, answer: Answer) -> None:
    """Count the page instead of the matches."""
    answer.body["total"] = len(answer.body.get("entry", []))


def without_next(_: Call, answer: Answer) -> None:
    """Forget that there are more pages."""
    answer.body["link"] = [link for link in answer.body["link"] if link["relation"] != "next"]


def repeating_next(call: Call, answer: Answer) -> None:
    """Start every further page one row too early."""
    for link in answer.body["link"]:
        if link["relation"] == "next":
            head, _, number = link["url"].rpartition("_offset=")
            before = call.parameter("_offset") is None
            link["url"] = f"{head}_offset={int(number) - (1 if before else 0)}"


def whole_query(call: Call, answer: Answer) -> None:
    """Say that every parameter was used."""
    answer.body["link"][0]["url"] += "&" + urllib.parse.urlencode(call.query)

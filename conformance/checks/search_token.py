"""Search by tokens: with and without system, and the modifiers :not, :text, :of-type, :in, :above, :below.

https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

from conformance import needs as need
from conformance.check import Check, Group, Level
from conformance.graph import LOINC
from conformance.samples import Resource
from conformance.shelf import Bodies, Shelf, shelf
from conformance.target import Target

_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_ID_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"
_CHARTS = "http://example.org/charts"


def _coded(*codings: Resource, text: str | None = None, categories: tuple[str, ...] = ()) -> Resource:
    code: Resource = {"coding": list(codings)} if codings else {}
    body: Resource = {"status": "final", "code": code | ({"text": text} if text else {})}
    if categories:
        body["category"] = [{"coding": [{"system": _CATEGORY, "code": one}]} for one in categories]
    return body


def _codes(target: Target) -> Shelf:
    weight = {"system": LOINC, "code": "29463-7", "display": "Body weight"}
    return shelf(
        target,
        "codes",
        "Observation",
        lambda _: {
            "loinc": _coded(weight, categories=("laboratory",)),
            "bare": _coded({"code": "29463-7"}, text="Mass at home"),
            "both": _coded(
                {"system": LOINC, "code": "3141-9", "display": "Body weight Measured"},
                {"system": _CHARTS, "code": "W1"},
                categories=("vital-signs", "laboratory"),
            ),
            "text": _coded(text="Mass at birth"),
        },
    )


def _people(target: Target) -> Shelf:
    value = f"{target.run.short}-card"

    def typed(code: str) -> Resource:
        kind = {"coding": [{"system": _ID_TYPE, "code": code}]}
        return {"type": kind, "system": "http://example.org/cards", "value": value}

    return shelf(
        target,
        "people",
        "Patient",
        lambda _: {
            "record": {"active": True, "gender": "female", "identifier": [typed("MR")]},
            "passport": {"active": False, "gender": "male", "identifier": [typed("PPN")]},
            "unknown": {"active": True},
        },
    )


def _animals(target: Target) -> str:
    return f"http://example.org/fhir/{target.run.short}/CodeSystem/animals"


def _pets(target: Target) -> str:
    return f"http://example.org/fhir/{target.run.short}/ValueSet/pets"


def _systems(target: Target) -> Shelf:
    poodle: Resource = {"code": "poodle", "display": "Poodle"}
    dog: Resource = {"code": "dog", "display": "Dog", "concept": [poodle]}
    system: Resource = {
        "url": _animals(target),
        "name": "ConformanceAnimals",
        "status": "active",
        "caseSensitive": True,
        "hierarchyMeaning": "is-a",
        "content": "complete",
        "concept": [{"code": "animal", "display": "Animal", "concept": [dog]}],
    }
    return shelf(target, "systems", "CodeSystem", lambda _: {"animals": system})


def _sets(target: Target) -> Shelf:
    def bodies(target: Target) -> Bodies:
        _systems(target)
        named = {"system": _animals(target), "concept": [{"code": "dog"}]}
        pets: Resource = {
            "url": _pets(target),
            "name": "ConformancePets",
            "status": "active",
            "compose": {"include": [named]},
        }
        return {"pets": pets}

    return shelf(target, "sets", "ValueSet", bodies)


def _zoo(target: Target) -> Shelf:
    def bodies(target: Target) -> Bodies:
        _sets(target)
        coded = {name: _coded({"system": _animals(target), "code": name}) for name in ("animal", "dog", "poodle")}
        return {**coded, "stone": _coded({"system": _CHARTS, "code": "dog"})}

    return shelf(target, "zoo", "Observation", bodies)


def _any_system(target: Target) -> None:
    _codes(target).finds(target, {"code=29463-7": "loinc bare", "code=W1": "both", "code=no-such-code": ""})


def _with_system(target: Target) -> None:
    _codes(target).finds(
        target, {f"code={LOINC}|29463-7": "loinc", f"code={_CHARTS}|W1": "both", f"code={LOINC}|W1": ""}
    )


def _no_system(target: Target) -> None:
    _codes(target).finds(target, {"code=|29463-7": "bare", "code=|W1": ""})


def _only_system(target: Target) -> None:
    _codes(target).finds(target, {f"code={LOINC}|": "loinc both", f"code={_CHARTS}|": "both"})


def _or(target: Target) -> None:
    _codes(target).finds(
        target, {f"code={LOINC}|29463-7,{_CHARTS}|W1": "loinc both", f"code={LOINC}|3141-9&code={_CHARTS}|W1": "both"}
    )


def _code_and_boolean(target: Target) -> None:
    _people(target).finds(
        target, {"gender=female": "record", "active=true": "record unknown", "active=false": "passport"}
    )


def _not(target: Target) -> None:
    _people(target).finds(target, {"gender:not=male": "record unknown"}, promised=False)


def _not_of_set(target: Target) -> None:
    _codes(target).finds(
        target,
        {"category:not=laboratory": "bare text", f"category:not={_CATEGORY}|vital-signs": "loinc bare text"},
        promised=False,
    )


def _text(target: Target) -> None:
    _codes(target).finds(target, {"code:text=mass": "bare text", "code:text=body": "loinc both"}, promised=False)


def _missing(target: Target) -> None:
    _codes(target).finds(
        target, {"category:missing=true": "bare text", "category:missing=false": "loinc both"}, promised=False
    )


def _of_type(target: Target) -> None:
    value = f"{target.run.short}-card"
    _people(target).finds(
        target,
        {
            f"identifier:of-type={_ID_TYPE}|MR|{value}": "record",
            f"identifier:of-type={_ID_TYPE}|PPN|{value}": "passport",
            f"identifier:of-type={_ID_TYPE}|MR|{value}x": "",
        },
        promised=False,
    )


def _in(target: Target) -> None:
    zoo = _zoo(target)
    zoo.finds(target, {f"code:in={_pets(target)}": "dog"}, promised=False)


def _in_literal(target: Target) -> None:
    zoo = _zoo(target)
    zoo.finds(target, {f"code:in={_sets(target).path('pets')}": "dog"}, promised=False)


def _not_in(target: Target) -> None:
    _zoo(target).finds(target, {f"code:not-in={_pets(target)}": "animal poodle stone"}, promised=False)


def _below(target: Target) -> None:
    _zoo(target).finds(
        target,
        {f"code:below={_animals(target)}|dog": "dog poodle", f"code:below={_animals(target)}|poodle": "poodle"},
        promised=False,
    )


def _above(target: Target) -> None:
    _zoo(target).finds(
        target,
        {f"code:above={_animals(target)}|dog": "animal dog", f"code:above={_animals(target)}|animal": "animal"},
        promised=False,
    )


_CODE = need.searchable("Observation", "code")
_CATEGORIES = need.searchable("Observation", "category")
_TERMS = (*_CODE, *need.searchable("CodeSystem"), *need.searchable("ValueSet"))

GROUP = Group(
    "search-token",
    "Search by token",
    (
        Check(
            "search-token-any-system",
            "A code without system matches whatever its system",
            "search.html#token",
            Level.SHALL,
            _any_system,
            _CODE,
        ),
        Check(
            "search-token-system",
            "A code with system matches that code of that system, in any coding of a concept",
            "search.html#token",
            Level.SHALL,
            _with_system,
            _CODE,
        ),
        Check(
            "search-token-no-system",
            "A code after a bare bar matches codings without system",
            "search.html#token",
            Level.SHALL,
            _no_system,
            _CODE,
        ),
        Check(
            "search-token-only-system",
            "A system with a bare bar matches any code of the system",
            "search.html#token",
            Level.SHALL,
            _only_system,
            _CODE,
        ),
        Check(
            "search-token-or",
            "Tokens are joined with OR by a comma, with AND by repetition",
            "search.html#combining",
            Level.SHALL,
            _or,
            _CODE,
        ),
        Check(
            "search-token-primitive",
            "Elements of type code and boolean are found by their value",
            "search.html#token",
            Level.SHALL,
            _code_and_boolean,
            need.searchable("Patient", "gender", "active"),
        ),
        Check(
            "search-token-not",
            ":not finds also resources without any value",
            "search.html#token",
            Level.SHALL,
            _not,
            need.searchable("Patient", "gender"),
        ),
        Check(
            "search-token-not-set",
            ":not applies to all values of a resource together, not to each",
            "search.html#token",
            Level.SHALL,
            _not_of_set,
            _CATEGORIES,
        ),
        Check(
            "search-token-text",
            ":text searches the text of a concept and the display of its codings",
            "search.html#token",
            Level.SHALL,
            _text,
            _CODE,
        ),
        Check(
            "search-token-missing",
            ":missing tells resources with a value from those without",
            "search.html#modifiers",
            Level.SHALL,
            _missing,
            _CATEGORIES,
        ),
        Check(
            "search-token-of-type",
            ":of-type finds an identifier by its type and value",
            "search.html#token",
            Level.SHALL,
            _of_type,
            need.searchable("Patient", "identifier"),
        ),
        Check(
            "search-token-in",
            ":in finds codes of a value set that its url names",
            "search.html#token",
            Level.SHALL,
            _in,
            _TERMS,
        ),
        Check(
            "search-token-in-literal",
            ":in finds codes of a value set that a reference names",
            "search.html#token",
            Level.SHALL,
            _in_literal,
            _TERMS,
        ),
        Check(
            "search-token-not-in",
            ":not-in finds codes outside a value set",
            "search.html#token",
            Level.SHALL,
            _not_in,
            _TERMS,
        ),
        Check(
            "search-token-below",
            ":below finds codes that the code subsumes, and the code itself",
            "search.html#subsumption",
            Level.SHOULD,
            _below,
            _TERMS,
        ),
        Check(
            "search-token-above",
            ":above finds codes that subsume the code, and the code itself",
            "search.html#subsumption",
            Level.SHOULD,
            _above,
            _TERMS,
        ),
    ),
)

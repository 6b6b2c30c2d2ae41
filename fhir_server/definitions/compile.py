"""Compile the facts of the official R4 package (npm hl7.fhir.r4.examples 4.0.1) into the data files beside this one.

https://hl7.org/fhir/R4/downloads.html

    python -m fhir_server.definitions.compile PACKAGE_FOLDER

PACKAGE_FOLDER holds the unpacked package (StructureDefinition-Patient.json, ...). Only facts are
taken: names, types, cardinalities, codes, expressions; no descriptions. The units of UCUM come with a library.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhir_server.definitions.compile_extensions import bindings, compile_extension
from fhir_server.definitions.compile_terminology import compile_code_system, compile_value_set
from fhir_server.definitions.compile_ucum import compile_ucum, essence

DATA = Path(__file__).parent / "data"
_SYSTEM_TYPES = {
    "http://hl7.org/fhirpath/System.String": "string",
    "http://hl7.org/fhirpath/System.Boolean": "boolean",
    "http://hl7.org/fhirpath/System.Integer": "integer",
    "http://hl7.org/fhirpath/System.Decimal": "decimal",
    "http://hl7.org/fhirpath/System.Date": "date",
    "http://hl7.org/fhirpath/System.DateTime": "dateTime",
    "http://hl7.org/fhirpath/System.Time": "time",
}
_REGEX = "http://hl7.org/fhir/StructureDefinition/regex"
_CORE = "http://hl7.org/fhir/StructureDefinition/"


def read_all(package: Path, kind: str) -> Iterator[dict[str, Any]]:
    """Yield the package's resources of one type, in file-name order."""
    for path in sorted(package.glob(f"{kind}-*.json")):
        resource = json.loads(path.read_text(encoding="utf-8"))
        if resource.get("resourceType") == kind:
            yield resource


def _type_refs(element: dict[str, Any], path: str) -> list[Any]:
    """Return the element's types, each a code, or [code, targets] where targets are limited."""
    if "contentReference" in element:
        return [element["contentReference"].lstrip("#")]
    refs: list[Any] = []
    for item in element.get("type", []):
        code = _SYSTEM_TYPES.get(item["code"], item["code"])
        if code in ("BackboneElement", "Element") and "." in path:
            code = path
        targets = [url.removeprefix(_CORE) for url in item.get("targetProfile", [])]
        targets = [] if targets == ["Resource"] else targets
        refs.append([code, targets] if targets else code)
    return refs


def _max(value: str) -> int | None:
    return None if value == "*" else int(value)


class _Types:
    """Collects every type and invariant from the StructureDefinitions."""

    def __init__(self) -> None:
        self.types: dict[str, dict[str, Any]] = {}
        self.invariants: dict[tuple[str, str], dict[str, str]] = {}

    def add(self, sd: dict[str, Any]) -> None:
        elements = sd["snapshot"]["element"]
        root, name = elements[0], sd["type"]
        kind = {"primitive-type": "primitive", "complex-type": "complex"}.get(sd["kind"], sd["kind"])
        base = sd.get("baseDefinition", "").removeprefix(_CORE)
        self._start(name, kind, base, root, abstract=sd["abstract"])
        for element in elements[1:]:
            self._element(element)

    def _start(self, name: str, kind: str, base: str, root: dict[str, Any], *, abstract: bool) -> None:
        entry: dict[str, Any] = {"kind": kind, "base": base}
        if abstract:
            entry["abstract"] = True
        keys = self._invariants(root)
        if keys:
            entry["constraints"] = keys
        entry["elements"] = []
        self.types[name] = entry

    def _element(self, element: dict[str, Any]) -> None:
        path: str = element["path"]
        owner, _, name = path.rpartition(".")
        refs = _type_refs(element, path)
        codes = [item["code"] for item in element.get("type", [])]
        backbone = codes in (["BackboneElement"], ["Element"])
        if backbone:
            self._start(path, "backbone", codes[0], element, abstract=False)
        entry: dict[str, Any] = {"name": name.removesuffix("[x]"), "types": refs}
        entry["min"], entry["max"] = element["min"], _max(element["max"])
        if name.endswith("[x]"):
            entry["choice"] = True
        for key, flag in (("modifier", "isModifier"), ("summary", "isSummary")):
            if element.get(flag):
                entry[key] = True
        if "xmlAttr" in element.get("representation", []):
            entry["attribute"] = True
        if any(_CORE + "SimpleQuantity" in item.get("profile", []) for item in element.get("type", [])):
            entry["simple"] = True
        binding = element.get("binding", {})
        if binding.get("valueSet"):
            entry["binding"] = [binding["strength"], binding["valueSet"].split("|")[0]]
        keys = [] if backbone else self._invariants(element)
        if keys:
            entry["constraints"] = keys
        regex = next(
            (x["valueString"] for t in element.get("type", []) for x in t.get("extension", []) if x["url"] == _REGEX),
            "",
        )
        if regex and name == "value":
            self.types[owner]["regex"] = regex
        self.types[owner]["elements"].append(entry)

    def _invariants(self, element: dict[str, Any]) -> list[str]:
        keys = []
        for rule in element.get("constraint", []):
            key, expression = rule["key"], rule.get("expression", "")
            known = self.invariants.setdefault(
                (key, expression),
                {"key": key, "severity": rule["severity"], "expression": expression, "where": element["path"]},
            )
            if len(element["path"]) < len(known["where"]):
                known["where"] = element["path"]
            keys.append(key)
        return keys

    def drop_type_level(self) -> None:
        """Leave on elements only the invariants that their type does not state itself."""
        for entry in self.types.values():
            for element in entry["elements"]:
                stated: set[str] = {"ele-1"}
                for ref in element["types"]:
                    code = ref if isinstance(ref, str) else ref[0]
                    stated |= set(self.types.get(code, {}).get("constraints", []))
                own = [key for key in element.get("constraints", []) if key not in stated]
                element.pop("constraints", None)
                if own:
                    element["constraints"] = own


def compile_types(package: Path) -> dict[str, Any]:
    """Return every R4 type and invariant as plain data."""
    collected = _Types()
    for sd in read_all(package, "StructureDefinition"):
        derived = sd.get("derivation") == "constraint"
        if sd["kind"] == "logical" or (derived and sd["url"] != _CORE + sd["type"]):
            continue
        quantity_profile = derived and sd["type"] == "Quantity"
        if not quantity_profile:
            collected.add(sd)
    collected.drop_type_level()
    invariants = sorted(collected.invariants.values(), key=lambda rule: (rule["key"], rule["where"]))
    return {"types": dict(sorted(collected.types.items())), "invariants": invariants}


def compile_extensions(package: Path) -> dict[str, Any]:
    """Return url -> facts of every extension the package defines."""
    return {
        sd["url"]: compile_extension(sd, _type_refs)
        for sd in read_all(package, "StructureDefinition")
        if sd["type"] == "Extension" and sd.get("derivation") == "constraint"
    }


def compile_search_parameters(package: Path) -> list[dict[str, Any]]:
    """Return the facts of every SearchParameter of the base specification."""
    rows = []
    for sp in read_all(package, "SearchParameter"):
        base_specification = sp["url"].startswith("http://hl7.org/fhir/SearchParameter/")
        if not base_specification or "base" not in sp or sp["id"].startswith("example"):
            continue
        row = {"id": sp["id"], "url": sp["url"], "code": sp["code"], "type": sp["type"], "base": sp["base"]}
        row["expression"] = sp.get("expression", "")
        if sp.get("target"):
            row["target"] = sp["target"]
        if sp.get("component"):
            row["component"] = [[part["definition"], part["expression"]] for part in sp["component"]]
        rows.append(row)
    return rows


def compile_compartments(package: Path) -> dict[str, dict[str, list[str]]]:
    """Return compartment -> resource type -> search parameter codes that place a resource in it."""
    return {
        item["code"]: {row["code"]: row["param"] for row in item["resource"] if row.get("param")}
        for item in read_all(package, "CompartmentDefinition")
        if item["url"].startswith("http://hl7.org/fhir/CompartmentDefinition/")
    }


def compile_operations(package: Path) -> list[dict[str, Any]]:
    """Return the facts of every OperationDefinition of the base specification."""
    rows = []
    for op in read_all(package, "OperationDefinition"):
        if not op["url"].startswith("http://hl7.org/fhir/OperationDefinition/"):
            continue
        row = {key: op[key] for key in ("id", "url", "code", "system", "type", "instance")}
        row["affects_state"] = op.get("affectsState", False)
        row["resource"] = op.get("resource", [])
        row["parameter"] = [
            [p["name"], p["use"], p["min"], _max(p["max"]), p.get("type", "")] for p in op.get("parameter", [])
        ]
        rows.append(row)
    return rows


class _Codes:
    """Expands the value sets that required bindings name."""

    def __init__(self, package: Path) -> None:
        self.value_sets = {vs["url"]: vs for vs in read_all(package, "ValueSet")}
        self.systems = {cs["url"]: cs for cs in read_all(package, "CodeSystem")}

    def expand(self, url: str) -> dict[str, list[str]] | None:
        """Return system -> codes, or None where the package cannot enumerate the value set."""
        value_set = self.value_sets.get(url)
        if value_set is None or "exclude" in value_set.get("compose", {}):
            return None
        result: dict[str, list[str]] = {}
        for part in value_set.get("compose", {}).get("include", []):
            codes = self._include(part)
            if codes is None:
                return None
            for system, found in codes.items():
                result.setdefault(system, []).extend(c for c in found if c not in result[system])
        return result or None

    def _include(self, part: dict[str, Any]) -> dict[str, list[str]] | None:
        if "valueSet" in part:
            merged: dict[str, list[str]] = {}
            for url in part["valueSet"]:
                nested = self.expand(url.split("|")[0])
                if nested is None:
                    return None
                merged.update(nested)
            return merged
        if "concept" in part:
            return {part["system"]: [concept["code"] for concept in part["concept"]]}
        system = self.systems.get(part["system"])
        if system is None or "filter" in part or system.get("content") != "complete":
            return None
        return {part["system"]: [code for code, usable in _walk(system.get("concept", [])) if usable]}


def _walk(concepts: list[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    for concept in concepts:
        abstract = any(p["code"] == "notSelectable" and p.get("valueBoolean") for p in concept.get("property", []))
        yield concept["code"], not abstract
        yield from _walk(concept.get("concept", []))


def compile_value_sets(
    package: Path, types: dict[str, Any], extensions: dict[str, Any]
) -> dict[str, dict[str, list[str]]]:
    """Return the codes of every required binding that the package can enumerate."""
    codes = _Codes(package)
    wanted = {
        element["binding"][1]
        for entry in types["types"].values()
        for element in entry["elements"]
        if element.get("binding", [""])[0] == "required"
    }
    wanted.update(url for row in extensions.values() for url in bindings(row))
    expanded = {url: codes.expand(url) for url in sorted(wanted)}
    return {url: found for url, found in expanded.items() if found is not None}


def _write(name: str, data: Any) -> None:
    """Write data one top-level entry a line, so that a diff can be read."""
    if isinstance(data, list):
        lines = ",\n".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in data)
        text = f"[\n{lines}\n]\n"
    else:
        rows = (
            f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'), ensure_ascii=False)}"
            for key, value in data.items()
        )
        text = "{\n" + ",\n".join(rows) + "\n}\n"
    (DATA / name).write_text(text, encoding="utf-8")


def main(package: Path) -> None:
    """Compile `package` into the data folder."""
    DATA.mkdir(exist_ok=True)
    types = compile_types(package)
    _write("types.json", types["types"])
    _write("invariants.json", types["invariants"])
    _write("search_parameters.json", compile_search_parameters(package))
    _write("compartments.json", compile_compartments(package))
    _write("operations.json", compile_operations(package))
    extensions = compile_extensions(package)
    _write("extensions.json", extensions)
    _write("value_sets.json", compile_value_sets(package, types, extensions))
    _write("ucum.json", compile_ucum(essence()))
    _write("code_systems.json", {cs["url"]: compile_code_system(cs) for cs in read_all(package, "CodeSystem")})
    _write("compositions.json", {vs["url"]: compile_value_set(vs) for vs in read_all(package, "ValueSet")})


if __name__ == "__main__":
    main(Path(sys.argv[1]))

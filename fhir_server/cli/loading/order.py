"""In which order files are loaded: who is referred to comes before who refers.

https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from fhir_server.cli.loading.sources import Source, read_head

# A type stands after the types it usually refers to. What is not listed comes after Encounter, before the last row.
_ROWS = (
    ("Organization", "Endpoint"),
    ("Location",),
    ("HealthcareService", "Substance", "ValueSet", "CodeSystem", "StructureDefinition", "Questionnaire"),
    ("Practitioner", "Medication", "InsurancePlan"),
    ("PractitionerRole",),
    ("Patient", "Group"),
    ("RelatedPerson", "Person", "Coverage", "Device", "Schedule", "Account", "Specimen"),
    ("Slot", "CareTeam", "ServiceRequest", "EpisodeOfCare"),
    ("Appointment",),
    ("Encounter",),
    ("Condition", "AllergyIntolerance", "Observation", "Immunization", "Goal"),
    ("Procedure", "MedicationRequest", "ImagingStudy", "DocumentReference", "CarePlan"),
    (),
    ("Claim", "DiagnosticReport", "MedicationAdministration", "MedicationDispense", "MedicationStatement"),
    ("ClaimResponse", "Composition"),
    ("ExplanationOfBenefit", "List"),
    ("Provenance", "AuditEvent"),
)
_RANK = {name: rank for rank, row in enumerate(_ROWS) for name in row}
_OTHERS = _ROWS.index(())
_PATIENT = _RANK["Patient"]
# Synthea names its two provider bundles like this.
_PROVIDER_FILES = (("hospitalinformation", 0), ("practitionerinformation", _RANK["Practitioner"]))
_WORD = re.compile(r"[A-Z][A-Za-z]+")
_TYPE = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]+)"')


def in_order(sources: Iterable[Source]) -> list[list[Source]]:
    """Return the sources in groups, each to be loaded after the one before it; inside, the given order stays."""
    ranked = sorted(((rank(source), number, source) for number, source in enumerate(sources)), key=lambda row: row[:2])
    return [[source for _, _, source in group] for _, group in groupby(ranked, key=lambda row: row[0])]


def rank(source: Source) -> int:
    """Return the place of `source` in the order, 0 first: by its name, else by the first resource in it.

    A bz2 file whose name tells nothing counts as a patient's: its first block is 900 kB, too much to decompress twice.
    """
    name = source.path.name
    for part, number in _PROVIDER_FILES:
        if part in name.lower():
            return number
    named = [_RANK[word] for word in _WORD.findall(name) if word in _RANK]
    if named:
        return named[0]
    if source.compression == ".bz2":
        return _PATIENT
    found = [match.decode() for match in _TYPE.findall(read_head(source))]
    types = [name for name in found if name != "Bundle"]
    return _RANK.get(types[0], _OTHERS) if types else _OTHERS

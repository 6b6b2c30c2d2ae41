"""Every feature of search as data: requests over the small hospital, written as URLs that are not encoded.

https://hl7.org/fhir/R4/search.html

{p} stands for either side, so that every request is made about what a caller may see and about what is hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fhir_server.storage.model import SearchRequest
from tests.storage.search.hospital import SIDES

_IN_RESULT = ("_include", "_revinclude")
_OF_RESULT = (*_IN_RESULT, "_sort", "_contained", "_containedType")

FEATURES: dict[str, tuple[str, ...]] = {
    "everything": ("Patient", "Observation", "Practitioner", "Organization", "ValueSet", "List", ""),
    "token": (
        "Observation?status=final", "Observation?code=http://loinc.org|8867-4", "Observation?code=only-{p}",
        "Patient?active=true", "Patient?identifier=urn:mrn|{p}", "Patient?identifier=urn:other|",
        "Patient?identifier=urn:mrn|ann,urn:mrn|bob", "Patient?phone=+4179555", "Patient?gender=male",
        "Encounter?class=|both,urn:class|{p}", "Observation?combo-code=light",
    ),
    "token modifiers": (
        "Observation?code:not=red", "Observation?status:not=final", "Observation?code:text=Display of only",
        "Patient?identifier:of-type=urn:types|MR|{p}", "Observation?identifier:missing=true",
        "Observation?identifier:missing=false", "Observation?code:not=only-{p}",
        "Observation?code:above=http://clinic.example/cs/{p}|only-{p}",
        "Observation?code:below=http://clinic.example/cs/{p}|top-{p}",
    ),
    "value sets": (
        "Observation?code:in=http://clinic.example/vs/{p}", "Observation?code:not-in=http://clinic.example/vs/{p}",
        "Observation?code:in=ValueSet/{p}", "Observation?code:not-in=ValueSet/{p}",
        "Observation?code:in=http://clinic.example/vs/{p}/all", "Observation?code:in=http://clinic.example/vs/none",
        "Encounter?reason-code:in=http://clinic.example/vs/{p}",
        "Patient?_has:Observation:patient:code:in=http://clinic.example/vs/{p}",
    ),
    "string": (
        "Patient?family={p}", "Patient?name=kim", "Patient?family:exact={p}son", "Patient?family:contains=nson",
        "Patient?address={p}town", "Patient?name:missing=true", "Observation?value-string=text",
    ),
    "date": (
        "Observation?date=2021-01-03", "Observation?date=gt2021-01-03T12:00:00Z", "Encounter?date=lt2022",
        "Observation?date:missing=true", "MedicationRequest?date=2021-03-02", "Patient?birthdate=ge1985",
        "Appointment?date=sa2021-06", "Observation?date=ap2021-01",
    ),
    "number": ("RiskAssessment?probability=0.9", "RiskAssessment?probability=lt0.8"),
    "quantity": (
        "Observation?value-quantity=70", "Observation?value-quantity=gt80||/min",
        "Observation?component-value-quantity=lt80000|http://unitsofmeasure.org|g", "Encounter?length=gt200||h,8||d",
    ),
    "uri": (
        "ValueSet?url=http://clinic.example/vs/{p}", "ValueSet?url:below=http://clinic.example/vs",
        "ValueSet?url:above=http://clinic.example/vs/{p}/all", "CodeSystem?url:missing=false",
    ),
    "reference": (
        "Observation?subject=Patient/{p}", "Observation?patient={p}", "Observation?subject:Patient={p}",
        "Observation?performer=Practitioner/{p}", "Observation?performer:missing=false",
        "Observation?focus=https://elsewhere.example/Patient/{p}", "Observation?device:identifier=urn:dev|{p}",
        "Observation?encounter={p}", "Provenance?target=Observation/{p}-1", "Encounter?part-of:missing=true",
        "Observation?subject=Patient/nobody", "Observation?patient={p}&performer=Practitioner/bob",
    ),
    "composite": (
        "Observation?code-value-quantity=http://loinc.org|8867-4$gt60",
        "Observation?component-code-value-quantity=light$gt80", "Observation?code-value-concept=red$blue",
        "Group?characteristic-value=light$dark-{p}",
    ),
    "common": (
        "Patient?_id={p}", "Patient?_id=ann,bob,stranger", "Observation?_lastUpdated=gt2026-11-20T08:30:00Z",
        "Observation?_lastUpdated=2026-11-20T08:30:00Z", "Patient?_tag=urn:tag|both", "Observation?_tag=urn:tag|both",
        "Patient?_security=R-{p}", "Patient?_profile=http://clinic.example/profile/{p}",
        "Patient?_source=http://clinic.example/{p}", "Patient?_tag:not=urn:tag|{p}",
        "?_tag=urn:tag|{p}", "?_id={p}", "?_lastUpdated=gt2026-11-20T08:30:00Z",
    ),
    "chain": (
        "Observation?subject.name=kim", "Observation?subject:Patient.family={p}", "Observation?patient.gender=male",
        "Observation?performer:Practitioner.name=doctor", "Observation?encounter.class={p}",
        "Observation?performer.name=ward", "MedicationRequest?requester:Practitioner.name=inner",
        "Observation?patient._id={p}", "Observation?patient.active:missing=false", "Provenance?target:Patient.name=kim",
        "Observation?patient.gender:not=male", "Observation?has-member.code:not=red",
        "Observation?patient._tag=urn:tag|{p}", "Observation?patient._lastUpdated=gt2020",
        "Observation?performer:Practitioner.identifier:missing=true", "Observation?encounter.part-of:missing=true",
    ),
    "deep chain": (
        "Observation?encounter.location.name=room", "Observation?encounter.participant:Practitioner.name=doctor",
        "Observation?encounter.location:Location.partof:Location.name=room {p}",
        "Observation?patient.organization.partof.name=ward",
        "Observation?derived-from:Observation.derived-from:Observation.patient.name={p}",
        "MedicationRequest?encounter.part-of.patient.family={p}", "List?item:Observation.patient.family={p}",
        "Condition?encounter.patient.general-practitioner:Practitioner.name=doctor {p}",
    ),
    "has": (
        "Patient?_has:Observation:patient:code=http://loinc.org|8867-4",
        "Patient?_has:Observation:patient:status=amended",
        "Patient?_has:Observation:subject:code=only-{p}", "Practitioner?_has:Observation:performer:code=red",
        "Patient?_has:Group:member:_id=both", "Observation?_has:List:item:title=list",
        "Patient?_has:Observation:patient:identifier:missing=true", "Patient?_has:Observation:patient:code:not=red",
        "Organization?_has:Encounter:service-provider:status=finished", "Observation?_has:Provenance:target:_id={p}",
        "Practitioner?_has:Patient:general-practitioner:family={p}", "Encounter?_has:Encounter:part-of:status=planned",
    ),
    "nested has": (
        "Patient?_has:Condition:patient:_has:AuditEvent:entity:type={p}",
        "Practitioner?_has:Encounter:practitioner:_has:Observation:encounter:code=8867-4",
        "Organization?_has:Patient:organization:_has:Observation:patient:code=only-{p}",
    ),
    "chain in has": (
        "Practitioner?_has:Observation:performer:patient.family={p}",
        "Organization?_has:Encounter:service-provider:patient.gender=male",
        "Encounter?_has:Observation:encounter:performer:Practitioner.name=doctor {p}",
    ),
    "has in chain": (
        "Observation?patient._has:Group:member:_id=both", "Observation?encounter._has:Encounter:part-of:status=planned",
        "Condition?subject:Patient._has:Observation:patient:code=only-{p}",
    ),
    "include": (
        "Observation?_include=Observation:subject", "Observation?_include=Observation:performer",
        "Observation?_include=Observation:performer:Practitioner", "Observation?_include=Observation:derived-from",
        "List?_include=List:item", "Group?_include=Group:member", "Patient?_id={p}&_include=Patient:organization",
        "Observation?_include=Observation:encounter&_include=Observation:has-member",
    ),
    "revinclude": (
        "Patient?_revinclude=Observation:subject", "Patient?_revinclude=Provenance:target",
        "Observation?_revinclude=List:item", "Patient?_revinclude=Observation:performer",
        "Practitioner?_revinclude=Encounter:practitioner", "Organization?_revinclude=Organization:partof",
        "Observation?_revinclude=Observation:derived-from&_revinclude=Condition:evidence-detail",
    ),
    "include of everything": (
        "Observation?_include=*", "Patient?_revinclude=*", "List?_include=List:*", "Patient?_revinclude=Observation:*",
        "?_id={p}&_include=*",
    ),
    "iterate": (
        "Observation?_include=Observation:encounter&_include:iterate=Encounter:part-of"
        "&_include:iterate=Encounter:patient&_include:iterate=Patient:organization"
        "&_include:iterate=Organization:partof",
        "Organization?_include:iterate=Organization:partof",
        "Patient?_id={p}&_revinclude:iterate=Observation:subject&_revinclude:iterate=Observation:derived-from"
        "&_revinclude:iterate=Provenance:target",
        "Observation?code=only-{p}&_include:iterate=*", "Patient?_id={p}&_revinclude:iterate=*",
        "Observation?_include=Observation:derived-from&_include:iterate=Observation:performer"
        "&_revinclude:iterate=PractitionerRole:practitioner",
    ),
    "sort": (
        "Observation?_sort=date", "Observation?_sort=-date", "Observation?_sort=code", "Observation?_sort=-code,date",
        "Patient?_sort=family", "Patient?_sort=-given,birthdate", "Patient?_sort=birthdate", "Patient?_sort=-active",
        "RiskAssessment?_sort=-probability", "Observation?_sort=value-quantity", "ValueSet?_sort=-url",
        "Observation?_sort=-_lastUpdated", "Observation?_sort=_id", "?_sort=-_lastUpdated,_id", "Patient?_sort=phone",
        "Patient?_sort=address-city", "Observation?_sort=combo-code", "Observation?_sort=component-value-quantity",
        "Patient?_sort=identifier", "Encounter?_sort=-length,class", "Observation?_sort=status,-value-string",
        "Patient?_sort=_tag", "Patient?_sort=_profile,-_source", "MedicationRequest?_sort=-date",
        "Patient?active=true,false&_sort=-birthdate", "Observation?_tag=urn:tag|both&_sort=-date",
        "Observation?subject=Patient/bob&_sort=date", "Condition?_sort=onset-info,-severity",
    ),
    "sort by reference": (
        "Observation?_sort=subject", "Observation?_sort=-performer,_id", "Encounter?_sort=part-of", "List?_sort=item",
        "Patient?_sort=general-practitioner,-organization", "Observation?_sort=-derived-from",
    ),
    "compartment": (
        "Patient/{p}/Observation", "Patient/{p}/*", "Practitioner/{p}/Encounter", "Encounter/{p}/Observation",
        "Patient/{p}/Observation?code=8867-4&_sort=date", "Patient/nobody/Observation", "Patient/{p}/Condition",
        "Patient/{p}/Group", "Device/{p}/*", "RelatedPerson/{p}/Observation", "Patient/{p}/Patient",
        "Patient/{p}/Provenance?_include=Provenance:target",
    ),
    "several types": (
        "?_type=Patient,Observation", "?_type=Observation,Organization&_lastUpdated=gt2000", "?_type=Patient",
        "?_type=Patient,Practitioner&name=kim,doctor", "?_type=Observation,Condition&code=dark",
        "?_type=Observation,Encounter&patient.family={p}", "?_type=Patient,Group&_sort=-_id",
    ),
    "_list": (
        "Observation?_list={p}", "Patient?_list=ann,bob", "Observation?_list=List/free&code=8867-4", "?_list={p}",
    ),
    "near": (
        "Location?near=46.95|7.44|0.5|km", "Location?near=46.955|7.44|5",
        "Observation?encounter.location.near=46.96|7.44|1",
    ),
    "full text": (
        "Observation?_content=common", "Observation?_content=word{p}", "Patient?_text=narrative",
        "Patient?_text={p}", "Observation?_content=common -word{p}",
        "Patient?_has:Observation:patient:_content=word{p}",
        "Observation?patient._text=narrative", "?_content={p}",
    ),
    "_filter": (
        "Observation?_filter=code eq 8867-4", "Observation?_filter=not (code eq red)",
        "Observation?_filter=patient.family sw {p}", "Patient?_filter=family sw {p} or gender eq male",
    ),
    "_contained": (
        "Practitioner?_contained=true", "Practitioner?name=inner&_contained=both&_containedType=contained",
        "Practitioner?name=inner {p}&_contained=true&_containedType=container", "Practitioner?_contained=both",
        "Encounter?patient=Patient/{p}&_contained=true", "Encounter?patient.family={p}&_contained=true",
        "Encounter?patient.family={p}&_contained=both&_containedType=contained", "?_contained=true",
        "Encounter?service-provider.partof.name=ward&_contained=true", "Encounter?_contained=true&_sort=-class",
        "Encounter?status:not=planned&_contained=both", "Encounter?patient._has:Group:member:_id=both&_contained=true",
        "Encounter?_has:RiskAssessment:encounter:patient.family={p}&_contained=true",
        "RiskAssessment?encounter.patient.family={p}", "RiskAssessment?encounter.class={p}",
        "RiskAssessment?encounter.service-provider.name=ward", "Patient/{p}/Encounter?_contained=true",
        "Patient?_has:RiskAssessment:subject:encounter.patient.family={p}",
    ),
    "custom parameters": (
        "Patient?nick=kim", "Patient?nick:missing=true", "Observation?patient.nick=kim", "Patient?_sort=-nick",
        "Practitioner?_has:Patient:general-practitioner:nick=kim",
    ),
}  # fmt: skip

PENDING: frozenset[str] = frozenset()
"""Features the store does not have yet."""


@dataclass(frozen=True)
class Feature:
    """One request.

    url      as FEATURES has it, {p} filled in
    request  the same for the store
    """

    group: str
    url: str
    request: SearchRequest


def features() -> Iterator[Feature]:
    """Yield every request of every group, once for each side where the side matters."""
    for group, urls in FEATURES.items():
        for url in urls:
            for text in dict.fromkeys(url.replace("{p}", side) for side in SIDES):
                yield Feature(group, text, request_of(text))


def request_of(url: str) -> SearchRequest:
    """Return the request that a URL makes."""
    path, _, query = url.partition("?")
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in query.split("&")) if name]
    steps = path.split("/")
    single = dict(pairs)
    compartment = (steps[0], steps[1]) if len(steps) == 3 else None
    kind = steps[-1] if steps[-1] not in ("", "*") else None
    return SearchRequest(
        kind,
        tuple(pair for pair in pairs if pair[0].partition(":")[0] not in _OF_RESULT),
        total=True,
        sort=tuple(key for name, value in pairs if name == "_sort" for key in value.split(",")),
        includes=tuple(pair for pair in pairs if pair[0].partition(":")[0] in _IN_RESULT),
        compartment=compartment,
        contained=single.get("_contained", "false"),  # type: ignore[arg-type]
        alone=single.get("_containedType") == "contained",
    )

"""Known mistakes of R4 4.0.1 in one reviewed table, so that valid records are not refused for them.

https://jira.hl7.org/projects/FHIR is the standard's own tracker; its published 4.0.1 package breaks these rules itself.
"""

from __future__ import annotations

EXPRESSIONS: dict[str, str] = {
    # published with "> 2", though its text speaks of more than one
    "que-12": "enableWhen.count() > 1 implies enableBehavior.exists()",
    # published with "is Boolean", which no FHIR element is
    "que-7": "operator = 'exists' implies (answer is boolean)",
    # published without the guard: false where fullUrl is absent, though fullUrl is optional
    "bdl-8": "fullUrl.empty() or fullUrl.contains('/_history/').not()",
    # published without references that have no text, and without "#", the container of a contained resource
    "ref-1": "reference.empty() or reference.startsWith('#').not()"
    " or (reference.substring(1) in %rootResource.contained.id)"
    " or (reference = '#' and %rootResource != %resource)",
    # published as a test of one event, though `when` repeats
    "tim-9": "offset.empty() or (when.exists() and when.where($this in ('C' | 'CM' | 'CD' | 'CV')).empty())",
    # published as `<= 100` for a decimal without asking whether there is one
    "ras-2": "(probability is decimal) implies (probability as decimal) <= 100",
}
"""Invariant key -> the expression that is used instead of the published one."""

_CORE = "http://hl7.org/fhir/StructureDefinition/"

EXTENSION_CONTEXTS: dict[str, frozenset[str]] = {
    # the package's own definitions carry these one level above or beside the context that is published
    _CORE + "structuredefinition-fhir-type": frozenset(("ElementDefinition.type",)),
    _CORE + "regex": frozenset(("ElementDefinition.type",)),
    _CORE + "structuredefinition-normative-version": frozenset(
        ("ElementDefinition", "ValueSet", "CodeSystem", "OperationDefinition", "CapabilityStatement", "ConceptMap")
    ),
    # guides state their expectations of every part of a CapabilityStatement or SearchParameter
    _CORE + "capabilitystatement-expectation": frozenset(("Element",)),
    _CORE + "valueset-concept-comments": frozenset(("CodeSystem.concept",)),
}
"""Extension url -> contexts beside the published ones."""

OPEN_VALUE_SETS: frozenset[str] = frozenset(
    # HL7 has founded work groups since; guides for R4 name them
    ("http://hl7.org/fhir/ValueSet/hl7-work-group",)
)
"""Value sets of required bindings whose list in the package is not the last word."""

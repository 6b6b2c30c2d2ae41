"""Validation against FHIR R4 4.0.1: structure, formats, bindings, references, invariants, narrative, bundles.

https://hl7.org/fhir/R4/validation.html

The issue codes and what they mean for an answer over HTTP:

    structure      400  the document has not the shape of a resource: unknown element, wrong JSON type, nested too deep
    value          400  a primitive is not in its format: a date that does not exist, an id too long, bad base64
    invalid        400  the resource is not of the type that was asked for
    required       422  an element that must be there is missing
    code-invalid   422  a code is not in the value set that is required
    invariant      422  a rule of the standard is broken: invariants, reference targets, narrative, contained, Bundle
    extension      422  an extension in the wrong place or of the wrong content, or an unknown modifier extension
    business-rule  422  a rule about definitions (Questionnaire, SearchParameter ...), or one of the server's policy
    not-supported  422  implicitRules names rules that this server does not know
    not-found      422  a reference of a document that names no entry of it
    too-costly     422  an invariant takes too many steps on this resource
"""

from fhir_server.validation.bundles import BundleIndex
from fhir_server.validation.policy import Policy
from fhir_server.validation.validator import Validator

__all__ = ["BundleIndex", "Policy", "Validator"]

"""Required bindings: the code must come from the value set, as a code, a Coding or one coding of a CodeableConcept.

https://hl7.org/fhir/R4/terminologies.html#required
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fhir_server.definitions import Definitions
from fhir_server.validation.findings import Check, Findings, Found, Scope, and_then
from fhir_server.validation.primitives import FAULTS

_MIME = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+*-]+(?:\s*;.*)?|\*/\*(?:\s*;.*)?|xml|json|ttl|turtle|html")
_LOINC_ANSWER = re.compile(r"LA\d{1,6}-\d")
_UCUM = "http://unitsofmeasure.org"

# ISO 4217: the package names the code system without listing it.
_ISO_4217 = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GGP GHS GIP
    GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS IMP INR IQD IRR ISK JEP JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD
    KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRO MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR
    NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SPL SRD SSP STD
    STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TVD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VEF VES VND VUV WST
    XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG ZWL
"""
_CURRENCIES = frozenset(_ISO_4217.split())

_LISTS: dict[str, frozenset[str]] = {"http://hl7.org/fhir/ValueSet/currencies": _CURRENCIES}
"""Value sets that this file lists itself."""

_BY_RULE: dict[str, Callable[[str, str], bool]] = {
    "http://hl7.org/fhir/ValueSet/mimetypes": lambda _, code: _MIME.fullmatch(code) is not None,
    "http://hl7.org/fhir/ValueSet/ucum-units": lambda system, _: system == _UCUM,
    "http://loinc.org/vs/LL379-9": lambda system, code: (
        system == "http://loinc.org" and _LOINC_ANSWER.fullmatch(code) is not None
    ),
}
"""Value sets that the package cannot enumerate, as functions of (system or "", code)."""


def _wanted(url: str) -> str:
    return f"The code is not in the value set that is required here ({url})."


def code(definitions: Definitions, url: str) -> Check | None:
    """Return the check of a `code` bound to the value set `url`, or None where its codes are not known."""
    fault = FAULTS["code"]
    rule = _BY_RULE.get(url)
    codes = definitions.value_set_codes.get(url) or _LISTS.get(url)
    if codes is None and rule is None:
        return None
    allowed = codes or frozenset()

    def check(value: Any, _scope: Scope, _owner: dict[str, Any]) -> Findings:
        try:
            if value in allowed:
                return None
        except TypeError:
            pass  # a list or an object: the format check says so
        found = fault(value)
        if found is None and rule is not None and rule("", value):
            return None
        return [Found("", *(found or ("code-invalid", _wanted(url))))]

    return check


def _in_set(definitions: Definitions, url: str) -> Callable[[Any], bool] | None:
    """Return a function that tells whether a Coding (an object already checked) is in the value set."""
    rule = _BY_RULE.get(url)
    if rule is not None:
        return lambda coding: rule(coding.get("system", ""), coding.get("code", ""))
    parts = definitions.value_sets.get(url)
    if parts is None:
        return None
    return lambda coding: coding.get("code") in parts.get(coding.get("system", ""), ())


def concept(definitions: Definitions, url: str, code_type: str, check: Check) -> Check:
    """Return `check` (of Coding or CodeableConcept, as `code_type` says) plus a required binding to `url`."""
    contains = _in_set(definitions, url)
    if contains is None:
        return check
    text = _wanted(url)

    def coding(value: dict[str, Any], _scope: Scope) -> Findings:
        return None if contains(value) else [Found("", "code-invalid", text)]

    def codeable(value: dict[str, Any], _scope: Scope) -> Findings:
        return None if any(contains(item) for item in value.get("coding", ())) else [Found("", "code-invalid", text)]

    return and_then(check, codeable if code_type == "CodeableConcept" else coding)

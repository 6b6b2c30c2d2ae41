"""implicitRules changes what the rest of the resource means: rules the server does not know must not be passed over.

https://hl7.org/fhir/R4/resource-definitions.html#Resource.implicitRules and
https://hl7.org/fhir/R4/conformance-rules.html#isModifier
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fhir_server.validation.findings import Findings, Found, Rule, Scope


def rule_for(understood: Collection[str]) -> Rule:
    """Return the rule of the element implicitRules.

    understood  the sets of rules that this server honours
    """

    def rule(value: Any, _scope: Scope) -> Findings:
        if value in understood:
            return None
        return [
            Found(
                "",
                "not-supported",
                "The resource was made under a set of implicit rules that this server does not know, so it may mean "
                "something else than it says. Leave implicitRules out, or name a profile in meta.profile instead.",
            )
        ]

    return rule

"""What a server may decide about validation where the standard leaves a choice.

https://hl7.org/fhir/R4/extensibility.html
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices; the defaults refuse what the standard refuses and nothing else.

    understood_modifiers  urls of modifier extensions that this server honours; every other one is refused
    understood_rules      values of implicitRules that this server honours; every other one is refused
    unknown_extensions    False to refuse extensions that R4 does not define
    markup_in_text        False to refuse what looks like HTML tags in strings and markdown
    warnings              True to report rules of severity warning too; they never make a resource invalid
    """

    understood_modifiers: frozenset[str] = frozenset()
    understood_rules: frozenset[str] = frozenset()
    unknown_extensions: bool = True
    markup_in_text: bool = True
    warnings: bool = False

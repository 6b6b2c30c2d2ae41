"""The one rule for turning a number's text into a value: digits are kept, size is bounded.

https://hl7.org/fhir/R4/datatypes.html#decimal
"""

from __future__ import annotations

import re
from decimal import Clamped, Context, Decimal, DecimalException, InvalidOperation, Overflow, Rounded, Subnormal

MAX_DIGITS = 64
MAX_EXPONENT = 308
LIMIT = f"a number may have {MAX_DIGITS} digits and an exponent between -{MAX_EXPONENT} and {MAX_EXPONENT}"

# Every way in which a digit could be lost or a value could outgrow the limits is trapped. The context is shared by
# all threads: with these traps its only changing part, the flags, is never read.
_CONTEXT = Context(
    prec=MAX_DIGITS,
    Emax=MAX_EXPONENT,
    Emin=-MAX_EXPONENT,
    traps=[Clamped, InvalidOperation, Overflow, Rounded, Subnormal],
)

decimal_of = _CONTEXT.create_decimal
"""Return the Decimal of a text with all its digits; raises DecimalException beyond the limits or for no number."""

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_WORD = 2**63


def fits_word(value: int) -> bool:
    """Tell whether a signed 64-bit integer can hold `value`."""
    return -_WORD <= value < _WORD


def integer_or_text(text: str) -> int | str:
    """Return the int that `text` writes, or the text itself where it is no 64-bit integer."""
    if len(text) > 20 or not _INTEGER.fullmatch(text):
        return text
    value = int(text)
    return value if fits_word(value) else text


def decimal_or_text(text: str) -> int | Decimal | str:
    """Return what JSON would hold for the decimal `text`: int without fraction and exponent, else Decimal.

    A text that is no decimal within the limits is returned as it is, so that the validator can report it.
    """
    whole = integer_or_text(text)
    if isinstance(whole, int) or not _DECIMAL.fullmatch(text):
        return whole
    try:
        return decimal_of(text)
    except DecimalException:
        return text

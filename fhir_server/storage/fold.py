"""Text as search compares it: without case, accents, invisible characters and superfluous blanks.

https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

import hashlib
import unicodedata

PREFIX_LENGTH = 200
"""Characters of a folded text or URI that its index holds; an index entry must stay below 2,704 bytes in PostgreSQL."""

LONGEST_TOKEN = 255
"""Characters of a code, system or identifier that a column holds; longer ones end in a hash of the whole."""


def fold(text: str) -> str:
    """Return `text` normalised: casefold, NFKD, no accents or format characters, runs of white space made one blank.

    The same function is used for stored values and for search values; folding twice changes nothing.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    folded = _fold_once(text)
    while (again := _fold_once(folded)) != folded:
        folded = again
    return folded


def _fold_once(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = "".join(char for char in decomposed if not _invisible(char))
    return " ".join(kept.casefold().split())


def _invisible(char: str) -> bool:
    return unicodedata.combining(char) != 0 or unicodedata.category(char) in ("Cf", "Me")


def fold_phone(text: str) -> str:
    """Return the digits of a phone number, with a leading "+" kept; folded text when there is no digit."""
    digits = "".join(char for char in text if char.isdigit())
    if not digits:
        return fold(text)
    return f"+{digits}" if text.lstrip().startswith("+") else digits


def token_text(text: str) -> str:
    """Return a code, system, identifier value or reference as its column holds it.

    Up to 255 characters nothing changes; a longer text keeps its first 190 characters and gets the SHA-256 of the
    whole, so that equality stays exact and an index entry stays small.
    """
    if len(text) <= LONGEST_TOKEN:
        return text
    return f"{text[:190]}#{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"

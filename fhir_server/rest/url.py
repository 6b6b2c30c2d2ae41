"""Addresses taken apart and put together: percent-encoding, query strings, nothing trusted.

https://www.rfc-editor.org/rfc/rfc3986
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, quote, unquote, urlencode

from fhir_server.errors import BadRequest, TooCostly

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
Query = list[tuple[str, str]]


def path_of(text: str) -> str:
    """Return a percent-encoded path decoded, without one slash at either end. Raises BadRequest for broken escapes."""
    if "%" in text:
        if _BROKEN_ESCAPE.search(text):
            raise BadRequest("The address holds a % that is not followed by two hexadecimal digits.", code="value")
        try:
            text = unquote(text, errors="strict")
        except UnicodeDecodeError:
            raise BadRequest("The address is not UTF-8 after percent-decoding.", code="value") from None
    return text.removeprefix("/").removesuffix("/")


def query_of(text: str, limit: int) -> Query:
    """Return the pairs of a query string or a form, decoded, in order.

    limit  most pairs that are accepted
    Raises BadRequest for broken escapes, text that is not UTF-8 and control characters, TooCostly above `limit`.
    """
    if not text:
        return []
    if _BROKEN_ESCAPE.search(text):
        raise BadRequest("A parameter holds a % that is not followed by two hexadecimal digits.", code="value")
    if text.count("&") >= limit:
        raise TooCostly(f"The request has more than {limit} parameters.")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("A parameter is not UTF-8 after percent-decoding.", code="value") from None
    if _CONTROL.search("".join([name + value for name, value in pairs])):
        raise BadRequest("A parameter holds a control character.", code="value")
    return pairs


def address(base_url: str, path: str, query: Iterable[tuple[str, str]] = ()) -> str:
    """Return the absolute URL of `path` (decoded, below the base) with `query`."""
    url = f"{base_url}/{quote(path, safe='/$*')}" if path else base_url
    text = urlencode(list(query), safe=":|,/$")
    return f"{url}?{text}" if text else url


def without(query: Sequence[tuple[str, str]], names: Iterable[str]) -> Query:
    """Return `query` without the pairs of these names."""
    left_out = frozenset(names)
    return [pair for pair in query if pair[0] not in left_out]

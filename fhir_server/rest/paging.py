"""Links to the next page: an opaque cursor, signed, bound to the caller and to the request it continues.

https://hl7.org/fhir/R4/http.html#paging
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from fhir_server.errors import BadRequest
from fhir_server.rest.change import ANSWER_PARAMETERS
from fhir_server.rest.url import Query, without
from fhir_server.storage.access import Access

PAGE = "_page"
EXPLAIN = "_explain"
_MAC_BYTES = 16
# Parameters that may differ between pages: they change how a page looks or what is told of it, not what is on it.
_FREE = ANSWER_PARAMETERS | {PAGE, EXPLAIN}


class Pager:
    """Signs and opens cursors. `key` must be the same in all processes that serve one base URL."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def next_query(self, access: Access, path: str, query: Sequence[tuple[str, str]], cursor: str) -> Query:
        """Return the query of the link to the page at `cursor`."""
        raw = cursor.encode()
        token = base64.urlsafe_b64encode(self._mac(access, path, query, raw) + raw).rstrip(b"=").decode()
        return [*without(query, (PAGE,)), (PAGE, token)]

    def cursor(self, access: Access, path: str, query: Sequence[tuple[str, str]]) -> str:
        """Return the cursor that a request carries, "" for the first page.

        Raises BadRequest where the link was made up, changed, or belongs to another caller or request.
        """
        tokens = [value for name, value in query if name == PAGE]
        if not tokens:
            return ""
        try:
            token = tokens[0].encode("ascii")
            signed = base64.b64decode(token + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
            cursor = signed[_MAC_BYTES:].decode()
        except (binascii.Error, ValueError):
            raise _unknown() from None
        expected = self._mac(access, path, query, signed[_MAC_BYTES:])
        if len(tokens) > 1 or not hmac.compare_digest(signed[:_MAC_BYTES], expected):
            raise _unknown()
        return cursor

    def _mac(self, access: Access, path: str, query: Sequence[tuple[str, str]], cursor: bytes) -> bytes:
        bound = repr((access, path, without(query, _FREE))).encode("utf-8", "surrogatepass")
        digest = hmac.new(self._key, hashlib.sha256(bound).digest() + cursor, hashlib.sha256).digest()
        return digest[:_MAC_BYTES]


def _unknown() -> BadRequest:
    return BadRequest("This is no link to a page that the server gave to this caller. Please search again.")

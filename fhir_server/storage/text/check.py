"""Compares the words in the index's table with those of the documents.

https://hl7.org/fhir/R4/search.html#content
"""

from __future__ import annotations

from collections.abc import Iterator

from fhir_server.formats import json
from fhir_server.storage.parts import Parts
from fhir_server.storage.text.words import words_of

_KEYS = (
    "SELECT key FROM (SELECT key FROM resource WHERE key > {m} ORDER BY key LIMIT 500) r UNION "
    "SELECT key FROM (SELECT key FROM text_search WHERE key > {m} ORDER BY key LIMIT 500) s ORDER BY 1 LIMIT 500"
)
_HEADS = "SELECT key, type, id, version, deleted FROM resource WHERE key > {m} AND key <= {m}"
_WORDS = "SELECT key, type, version, narrative, rest FROM text_search WHERE key > {m} AND key <= {m}"
_QUEUED = "SELECT DISTINCT key FROM text_queue WHERE key > {m} AND key <= {m}"


def text_differences(parts: Parts) -> Iterator[tuple[str, str, int, int]]:
    """Yield (type, id, rows missing, rows too many) for what is neither indexed rightly nor waiting."""
    position = 0
    while True:
        with parts.database.snapshot() as session:
            m = session.placeholder
            keys = [row[0] for row in session.fetch(_KEYS.format(m=m), (position, position))]
            if not keys:
                return
            span = (position, keys[-1])
            heads = {row[0]: row for row in session.fetch(_HEADS.format(m=m), span)}
            there = {row[0]: row for row in session.fetch(_WORDS.format(m=m), span)}
            current = [(key, row[3]) for key, row in heads.items() if not row[4]]
            wanted = {
                key: (key, *heads[key][1:2], heads[key][3], *words_of(json.decode_trusted(content)))
                for key, (_, content) in parts.commands.contents(session, current).items()
            }
            different = [key for key in keys if wanted.get(key) != there.get(key)]
            queued = {row[0] for row in session.fetch(_QUEUED.format(m=m), span)} if different else set()
        for key in different:
            if key not in queued:
                kind, id_ = heads[key][1:3] if key in heads else ("", "")
                yield kind, id_, int(key in wanted), int(key in there)
        position = keys[-1]

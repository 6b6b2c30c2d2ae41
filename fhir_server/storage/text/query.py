"""What `_text` and `_content` may ask: words, "phrases", beginnings*, AND, OR, NOT, brackets; how an index is asked it.

https://hl7.org/fhir/R4/search.html#content leaves the syntax to the server; its example works:
`(bone OR liver) and metastases`.

    bone liver            both words, anywhere; AND between them says the same
    bone OR liver         either; a comma too: bone,liver
    bone -liver           bone, without liver; also: bone NOT liver
    "bone marrow"         the words beside one another, in one text
    metast*               words that begin so (two characters at least)
    (bone OR liver) -"no evidence"

AND binds closer than OR. The operators may be written small; in quotation marks they are words. Case, accents and
punctuation do not count: x-ray is the phrase "x ray".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fhir_server.errors import BadRequest
from fhir_server.storage.text.words import Words, split

_LONGEST = 1_000  # characters
_MOST_WORDS = 50
_DEEPEST = 8
_SHORTEST_BEGINNING = 2
_OPERATORS = ("and", "or", "not")
_ENDS = ' \t\r\n(),"'


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a phrase.

    words    one or more, as `words_of` writes them
    is_open  the last one is a beginning
    """

    words: tuple[str, ...]
    is_open: bool = False

    @property
    def pattern(self) -> str:
        """What the words of a resource hold when it matches."""
        return f" {' '.join(self.words)}{'' if self.is_open else ' '}"


@dataclass(frozen=True, slots=True)
class All:
    """Every one of `parts` matches, and none of `without`; there is at least one part."""

    parts: tuple[Query, ...]
    without: tuple[Query, ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """One of `parts` matches."""

    parts: tuple[Query, ...]


Query = Term | All | Either


def parse(text: str) -> Query:
    """Return what a search value asks. Raises BadRequest (code value) when it is no such question or too long."""
    if len(text) > _LONGEST:
        raise _wrong(f"A text search can have {_LONGEST} characters at most.")
    reader = _Reader(list(_tokens(text)))
    query = reader.either(0)
    if not reader.done:
        raise _wrong("A text search has a closing bracket too many.")
    if sum(len(term.words) for term in terms(query)) > _MOST_WORDS:
        raise _wrong(f"A text search can have {_MOST_WORDS} words at most.")
    return query


def terms(query: Query) -> Iterator[Term]:
    """Yield every word and phrase of a query, in the order in which they are bound."""
    if isinstance(query, Term):
        yield query
        return
    for part in (*query.parts, *(query.without if isinstance(query, All) else ())):
        yield from terms(part)


def has_phrase(query: Query) -> bool:
    """Return whether an index of single words finds too much."""
    return any(len(term.words) > 1 for term in terms(query))


def matches(query: Query, words: Words, *, narrative: bool) -> bool:
    """Return whether a resource with these words answers a query, asked of its narrative or of everything."""
    if isinstance(query, Term):
        return query.pattern in words.narrative or (not narrative and query.pattern in words.rest)
    if isinstance(query, Either):
        return any(matches(part, words, narrative=narrative) for part in query.parts)
    return all(matches(part, words, narrative=narrative) for part in query.parts) and not any(
        matches(part, words, narrative=narrative) for part in query.without
    )


def tsquery(query: Query) -> str:
    """Return PostgreSQL's words for a query over single words: it finds all that match, and more if `has_phrase`."""
    if isinstance(query, Term):
        words = [f"'{word}'" for word in query.words]
        return f"({' & '.join(words)}{':*' if query.is_open else ''})"
    joined = (" | " if isinstance(query, Either) else " & ").join(map(tsquery, query.parts))
    for part in _excluded(query):
        joined += f" & !{tsquery(part)}"
    return f"({joined})"


def fts5(query: Query) -> str:
    """Return the same in the words of SQLite's FTS5."""
    if isinstance(query, Term):
        words = [f'"{word}"' for word in query.words]
        return f"({' AND '.join(words)}{' *' if query.is_open else ''})"
    joined = f"({(' OR ' if isinstance(query, Either) else ' AND ').join(map(fts5, query.parts))})"
    for part in _excluded(query):
        joined = f"({joined} NOT {fts5(part)})"
    return joined


def _excluded(query: All | Either) -> Sequence[Query]:
    # An index of single words knows what is without the words of a phrase, not what is without the phrase.
    without = query.without if isinstance(query, All) else ()
    return [part for part in without if not has_phrase(part)]


@dataclass(frozen=True, slots=True)
class _Token:
    """A bracket, comma, "-" or operator (`sign`), or else a term."""

    sign: str
    term: Term | None = None


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        char = text[position]
        if char.isspace():
            position += 1
        elif char in "(),":
            yield _Token(char)
            position += 1
        elif char == '"':
            end = text.find('"', position + 1)
            if end < 0:
                raise _wrong("A text search has a quotation mark that is not closed.")
            is_open = text[end + 1 : end + 2] == "*"
            yield _Token("", _term(text[position + 1 : end], is_open=is_open))
            position = end + 1 + is_open
        elif char == "-" and text[position + 1 : position + 2] not in ("", " "):
            yield _Token("not")
            position += 1
        else:
            end = _end(text, position)
            word = text[position:end]
            if word.lower() in _OPERATORS:
                yield _Token(word.lower())
            else:
                is_open = word.endswith("*")
                yield _Token("", _term(word.removesuffix("*"), is_open=is_open))
            position = end


def _end(text: str, start: int) -> int:
    """Return where a word ends; what a backslash escapes belongs to it."""
    position = start
    while position < len(text) and text[position] not in _ENDS and not text[position].isspace():
        position += 2 if text[position] == "\\" else 1
    return min(position, len(text))


def _term(text: str, *, is_open: bool) -> Term:
    if "*" in text:
        raise _wrong("In a text search * can only stand at the end of a word: it means words that begin so.")
    words = split(text)
    if not words:
        raise _wrong("A text search has a part without a letter or digit.")
    if is_open and len(words[-1]) < _SHORTEST_BEGINNING:
        raise _wrong(f"In a text search * can only follow {_SHORTEST_BEGINNING} letters or digits at least.")
    return Term(words, is_open)


class _Reader:
    """Reads tokens by the grammar.

    either = all (OR all)*    all = [NOT] one ([AND] [NOT] one)*    one = term | "(" either ")"
    """

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    @property
    def done(self) -> bool:
        return self._next == len(self._tokens)

    def _sign(self) -> str | None:
        """Return the sign of the next token, "" for a term, None at the end."""
        return None if self.done else self._tokens[self._next].sign

    def _take(self, *signs: str) -> bool:
        if self._sign() in signs:
            self._next += 1
            return True
        return False

    def either(self, depth: int) -> Query:
        parts = [self._all(depth)]
        while self._take("or", ","):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _all(self, depth: int) -> Query:
        parts: list[Query] = []
        without: list[Query] = []
        while True:
            (without if self._take("not") else parts).append(self._one(depth))
            if not self._take("and") and self._sign() not in ("", "(", "not"):
                break
        if not parts:
            raise _wrong("In a text search - or NOT can only stand beside a word that must be there.")
        return parts[0] if len(parts) == 1 and not without else All(tuple(parts), tuple(without))

    def _one(self, depth: int) -> Query:
        if self._take("("):
            if depth == _DEEPEST:
                raise _wrong(f"A text search can have {_DEEPEST} brackets within one another at most.")
            query = self.either(depth + 1)
            if not self._take(")"):
                raise _wrong("A text search has a bracket that is not closed.")
            return query
        token = None if self.done else self._tokens[self._next]
        if token is None or token.term is None:
            raise _wrong("A text search lacks a word where it begins or ends, or beside AND, OR, NOT or a comma.")
        self._next += 1
        return token.term


def _wrong(what: str) -> BadRequest:
    return BadRequest(what, code="value")

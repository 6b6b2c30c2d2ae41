"""Builds the syntax tree of an expression by operator precedence (Pratt).

https://hl7.org/fhirpath/N1/#formal-grammar
"""

from __future__ import annotations

from decimal import Decimal

from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.lexer import Token, tokens
from fhir_server.fhirpath.quantity import Quantity, calendar_quantity, calendar_word
from fhir_server.fhirpath.temporal import Temporal, parse_moment, parse_time
from fhir_server.fhirpath.tree import (
    Binary,
    Call,
    Empty,
    Index,
    Literal,
    Member,
    Special,
    Tree,
    TypeName,
    TypeTest,
    Unary,
    Variable,
    measure,
)
from fhir_server.fhirpath.values import MAX_INTEGER

MAX_LENGTH = 20_000
MAX_DEPTH = 100
# The longest published union has 32 paths. The tree of a union leans to the left: readers of it may recurse.
MAX_ALTERNATIVES = 200

# How tightly an operator binds; all bind to the left.
_BINDING = {
    "implies": 1, "or": 2, "xor": 2, "and": 3, "in": 4, "contains": 4, "=": 5, "~": 5, "!=": 5, "!~": 5,
    "<": 6, ">": 6, "<=": 6, ">=": 6, "|": 7, "is": 8, "as": 8, "+": 9, "-": 9, "&": 9,
    "*": 10, "/": 10, "div": 10, "mod": 10, ".": 12, "[": 12,
}  # fmt: skip
_SIGN_BINDING = 11
_TYPE_FUNCTIONS = frozenset({"is", "as", "ofType"})


def parse(source: str) -> Tree:
    """Return the syntax tree of `source`.

    Raises FhirPathError, with the position, for a text that is no expression or is nested more than 100 deep.
    """
    if len(source) > MAX_LENGTH:
        raise FhirPathError(f"an expression may have {MAX_LENGTH} characters")
    return _Parser(source).parse()


class _Parser:
    """One pass over the tokens of one expression."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokens(source)
        self.place = 0
        self.nesting = 0

    def parse(self) -> Tree:
        tree = self.expression(0)
        token = self.peek()
        if token.kind != "end":
            raise self.error("an operator or the end was expected", token)
        depth, longest = measure(tree)
        if depth > MAX_DEPTH:
            raise FhirPathError(f"the expression is nested more than {MAX_DEPTH} deep", 0, self.source)
        if longest > MAX_ALTERNATIVES:
            raise FhirPathError(f"a union may have {MAX_ALTERNATIVES} paths", 0, self.source)
        return tree

    def peek(self) -> Token:
        return self.tokens[self.place]

    def next(self) -> Token:
        token = self.tokens[self.place]
        if token.kind != "end":
            self.place += 1
        return token

    def error(self, reason: str, token: Token) -> FhirPathError:
        return FhirPathError(reason, token.position, self.source)

    def expect(self, sign: str) -> Token:
        token = self.next()
        if token.kind != "sign" or token.text != sign:
            raise self.error(f'"{sign}" was expected', token)
        return token

    def at(self, sign: str) -> bool:
        token = self.peek()
        return token.kind == "sign" and token.text == sign

    def expression(self, minimum: int) -> Tree:
        """Read operators that bind tighter than `minimum`."""
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            raise self.error(f"the expression is nested more than {MAX_DEPTH} deep", self.peek())
        left = self.term()
        while True:
            token = self.peek()
            binding = _BINDING.get(token.text, 0) if token.kind in ("sign", "name") else 0
            if binding <= minimum:
                break
            self.place += 1
            left = self.operator(left, token, binding)
        self.nesting -= 1
        return left

    def operator(self, left: Tree, token: Token, binding: int) -> Tree:
        text, position = token.text, token.position
        if text == ".":
            return self.invocation(left)
        if text == "[":
            index = self.expression(0)
            self.expect("]")
            return Index(left, index, position)
        if text in ("is", "as"):
            return TypeTest(text, left, self.type_name(), position)
        return Binary(text, left, self.expression(binding), position)

    def term(self) -> Tree:
        token = self.next()
        match token.kind:
            case "sign":
                return self.sign(token)
            case "string":
                return Literal(token.text, token.position)
            case "number":
                return self.number(token)
            case "moment":
                return Literal(self.moment(token), token.position)
            case "variable":
                return Variable(token.text, token.position)
            case "special":
                return Special(token.text, token.position)
            case "name" if token.text in ("true", "false"):
                return Literal(token.text == "true", token.position)
            case "name" | "quoted":
                return self.named(None, token)
        raise self.error("a value, a name or a parenthesis was expected", token)

    def sign(self, token: Token) -> Tree:
        if token.text == "(":
            inner = self.expression(0)
            self.expect(")")
            return inner
        if token.text == "{":
            self.expect("}")
            return Empty(token.position)
        if token.text in "+-":
            return Unary(token.text, self.expression(_SIGN_BINDING), token.position)
        raise self.error("a value, a name or a parenthesis was expected", token)

    def number(self, token: Token) -> Tree:
        unit = self.peek()
        if unit.kind == "string":
            self.place += 1
            return Literal(Quantity(Decimal(token.text), unit.text), token.position)
        if unit.kind == "name" and calendar_word(unit.text) is not None:
            self.place += 1
            return Literal(calendar_quantity(Decimal(token.text), unit.text), token.position)
        if "." in token.text:
            return Literal(Decimal(token.text), token.position)
        if len(token.text) > 10 or int(token.text) > MAX_INTEGER:
            raise self.error(f"an integer may be {MAX_INTEGER} at most", token)
        return Literal(int(token.text), token.position)

    def moment(self, token: Token) -> Temporal:
        text = token.text[1:]
        if text.startswith("T"):
            found = parse_time(text[1:])
        else:
            found = parse_moment(text, "DateTime" if "T" in text else "Date")
        if found is None:
            raise self.error("no such date or time", token)
        return found

    def invocation(self, operand: Tree) -> Tree:
        token = self.next()
        if token.kind in ("name", "quoted"):
            return self.named(operand, token)
        if token.kind == "special":
            raise self.error(f"{token.text} cannot follow a dot", token)
        raise self.error("a name was expected after the dot", token)

    def named(self, operand: Tree | None, token: Token) -> Tree:
        """Read a member or a call, after its name."""
        if not self.at("("):
            return Member(operand, token.text, token.position)
        self.place += 1
        if token.text in _TYPE_FUNCTIONS:
            wanted = self.type_name()
            self.expect(")")
            return TypeTest(token.text, operand, wanted, token.position)
        arguments: list[Tree] = []
        if not self.at(")"):
            arguments.append(self.expression(0))
            while self.at(","):
                self.place += 1
                arguments.append(self.expression(0))
        self.expect(")")
        return Call(operand, token.text, tuple(arguments), token.position)

    def type_name(self) -> TypeName:
        """Read `Patient`, `FHIR.Patient` or `System.Boolean`."""
        names = [self.next()]
        if self.at(".") and names[0].text in ("FHIR", "System"):
            self.place += 1
            names.append(self.next())
        for token in names:
            if token.kind not in ("name", "quoted"):
                raise self.error("the name of a type was expected", token)
        return TypeName(names[0].text if len(names) > 1 else "", names[-1].text)

"""FHIR JSON: what the decoder refuses and says about it, and what comes back unchanged."""

from __future__ import annotations

import json as standard_json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.errors import FhirError, MalformedContent, UnsupportedMediaType
from fhir_server.formats import json
from tests.paths import R4_PACKAGE, needs_r4_package

PATIENT = b'{"resourceType":"Patient","name":[{"family":"A","given":["B","C"]}]'


def refused(raw: bytes) -> FhirError:
    with pytest.raises(FhirError) as caught:
        json.decode(raw)
    return caught.value


@pytest.mark.parametrize("raw", [b"", b" \r\n\t", b"\xef\xbb\xbf"])
def test_an_empty_body_is_refused(raw: bytes) -> None:
    error = refused(raw)
    assert (error.status, error.all_issues()[0].code) == (400, "structure")
    assert "empty" in error.diagnostics


def test_truncated_json_is_refused_with_its_end_as_place() -> None:
    error = refused(b'{"resourceType":"Patient",\n "name":[{"family":"A"')
    assert error.all_issues()[0].code == "structure"
    assert error.diagnostics == "The body is not JSON: the text ends before the document does (line 2, column 23)."
    assert error.expression == "Patient.name[0].family"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [(b"[]", "an array"), (b'"x"', "a string"), (b"null", "null"), (b"1", "a number"), (b"true", "a boolean")],
)
def test_a_body_that_is_no_object_is_refused(raw: bytes, kind: str) -> None:
    error = refused(raw)
    assert error.diagnostics == f"The body must be one JSON object, not {kind}."
    assert error.all_issues()[0].code == "structure"


def test_a_json_patch_body_must_be_an_array() -> None:
    assert json.decode_array(b'[{"op":"remove","path":"/a"}]') == [{"op": "remove", "path": "/a"}]
    with pytest.raises(MalformedContent, match="one JSON array, not an object"):
        json.decode_array(b"{}")


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_a_hundred_thousand_open_brackets_are_refused(bracket: bytes) -> None:
    error = refused(bracket * 100_000)
    assert (error.status, error.all_issues()[0].code) == (400, "structure")
    assert "deeper than 64" in error.diagnostics


def nested(levels: int) -> bytes:
    return b'{"resourceType":"Basic"' + b',"extension":[{"url":"u"' * levels + b"}]" * levels + b"}"


def test_elements_may_nest_to_the_limit_and_no_deeper() -> None:
    assert json.decode(nested(63))["resourceType"] == "Basic"
    error = refused(nested(65))
    assert error.diagnostics == "The document nests elements deeper than 64 levels."
    assert error.expression == "Basic.extension[0].extension[0]"
    assert json.decode(nested(65), max_depth=66)


def test_depth_that_only_a_late_sibling_has_is_found() -> None:
    raw = b'{"a":[' + b"{}," * 500 + b'{"b":' * 200 + b"1" + b"}" * 200 + b"]}"
    assert "deeper" in refused(raw).diagnostics


def test_a_property_that_stands_twice_is_named_with_its_place() -> None:
    error = refused(
        b'{"resourceType":"Patient",\n"name":[{"family":"A"},\n {"family":"B", "use": "usual", "family" : "C"}]}'
    )
    assert error.diagnostics == "A JSON object has the property family twice (line 3, column 33)."
    assert error.expression == "Patient.name[1].family"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"x:y","a":"x"}',
        b'{"a":{"b":1},"a":{}}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":"1","b":"\\u003a","a":""}',
        b'{"a":"1","b":"\\u003A","a":""}',
        b'{"x":[{"a":1,\n"a"\n:\n1}]}',
        b'{"":1,"":2}',
        b'{"a":null,"a":null}',
    ],
)
def test_a_duplicate_cannot_hide(raw: bytes) -> None:
    assert "twice" in refused(raw).diagnostics


@pytest.mark.parametrize(
    "raw", [b'{"a":"\\u003a:","b":"\\":"}', b'{"a":{"a":{"a":"a:a"}}}', b'{"a" :\n":" , "b": [":"]}']
)
def test_what_looks_like_a_duplicate_and_is_none_passes(raw: bytes) -> None:
    assert json.decode(raw) == standard_json.loads(raw)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_nan_and_infinity_are_refused(number: bytes) -> None:
    error = refused(b'{"resourceType":"Observation","valueQuantity":{"value":%s}}' % number)
    assert "NaN and Infinity are no numbers" in error.diagnostics
    assert error.expression == "Observation.valueQuantity.value"
    assert error.all_issues()[0].code == "structure"


@pytest.mark.parametrize(
    "number",
    [
        b"9" * 5000,
        b"9" * 65,
        b"1e400",
        b"1E999999999",
        b"1e-400",
        b"0e400",
        b"0." + b"1" * 65,
        b"1e99999999999999999999",
    ],
)
def test_numbers_beyond_the_limits_are_refused_with_their_place(number: bytes) -> None:
    error = refused(b'{"resourceType":"Observation","a":1.5,"component":[{},{"value":-%s}]}' % number)
    assert (error.status, error.all_issues()[0].code) == (400, "value")
    assert error.expression == "Observation.component[1].value"
    assert "too large or too precise" in error.diagnostics


@pytest.mark.parametrize(
    "number",
    ["1.00", "-0.0", "0.00000001", "1E-245", "-1.000000000000000000E+245", "0.123456789012345678901234567890", "100"],
)
def test_numbers_keep_every_digit(number: str) -> None:
    decoded = json.decode(b'{"value":%s}' % number.encode())
    again = json.decode(json.encode(decoded))
    assert str(decoded["value"]) == str(again["value"]) == str(Decimal(number))


def test_one_point_zero_zero_is_written_as_it_came() -> None:
    assert json.encode(json.decode(b'{"value":1.00}')) == b'{"value":1.00}'


def test_integers_are_int_up_to_64_bits_and_decimal_beyond() -> None:
    decoded = json.decode(b'{"a":[9223372036854775807,{"b":9223372036854775808}],"c":-9223372036854775808}')
    assert decoded == {"a": [2**63 - 1, {"b": 2**63}], "c": -(2**63)}
    assert [type(decoded["a"][0]), type(decoded["a"][1]["b"]), type(decoded["c"])] == [int, Decimal, int]
    assert json.encode(decoded) == b'{"a":[9223372036854775807,{"b":9223372036854775808}],"c":-9223372036854775808}'


@pytest.mark.parametrize("raw", [b"\xff", b"\xc3(", b"\xed\xa0\x80"])
def test_invalid_utf8_is_refused_with_its_place(raw: bytes) -> None:
    error = refused(b'{"resourceType":"Patient","gender":"male",\n"language":"' + raw + b'"}')
    assert error.diagnostics == "The body is not UTF-8 (line 2, column 13)."
    assert error.expression == "Patient.language"
    assert error.all_issues()[0].code == "structure"


def test_a_byte_order_mark_is_accepted() -> None:
    assert json.decode(b'\xef\xbb\xbf{"a":1}') == {"a": 1}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_encodings_are_unsupported(encoding: str) -> None:
    error = refused('{"a":1}'.encode(encoding))
    assert isinstance(error, UnsupportedMediaType)
    assert (error.status, error.all_issues()[0].code) == (415, "not-supported")


@pytest.mark.parametrize("text", [b"\\ud800", b"\\uDC00 x", b"\\ud83d\\u0041", b"\\udc00\\ud800"])
def test_half_a_surrogate_pair_is_refused_with_its_place(text: bytes) -> None:
    error = refused(b'{"resourceType":"Patient","name":[{"text":"\\u00e9"},{"text":"' + text + b'"}]}')
    assert (error.status, error.all_issues()[0].code) == (400, "value")
    assert error.expression == "Patient.name[1].text"


def test_a_surrogate_pair_is_one_character() -> None:
    assert json.decode(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


@pytest.mark.parametrize("text", [b"\\u0000", b"\\u001F", b"\\b", b"\\f", b"\\\\\\u0001", b"x\\\\\\b"])
def test_escaped_control_characters_are_refused_with_their_place(text: bytes) -> None:
    error = refused(b'{"resourceType":"Patient","name":[{"text":"C:\\\\users\\\\b"},{"text":"' + text + b'"}]}')
    assert (error.status, error.all_issues()[0].code) == (400, "value")
    assert error.expression == "Patient.name[1].text"


def test_raw_control_characters_are_refused() -> None:
    error = refused(b'{"a":"x\x01"}')
    assert "must be escaped" in error.diagnostics
    assert error.all_issues()[0].code == "structure"


def test_tab_line_feed_and_carriage_return_pass() -> None:
    assert json.decode(b'{"a":"\\t\\r\\n\\u0009\\\\u0000\\\\b"}') == {"a": "\t\r\n\t\\u0000\\b"}


@pytest.mark.parametrize(
    "text",
    [
        "\u200b",
        "\u202eabc",
        "e" + "\u0301" * 10_000,
        "\U0001f9d1\u200d\u2695\ufe0f",
        "\u00e9 e\u0301",
        "\x7f\u0085\u2028",
    ],
)
def test_unusual_text_comes_back_byte_by_byte(text: str) -> None:
    raw = standard_json.dumps({"a": text}, ensure_ascii=False, separators=(",", ":")).encode()
    assert json.encode(json.decode(raw)) == raw


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (PATIENT + b",}", "trailing comma"),
        (PATIENT + b"} x", "trailing characters"),
        (b'{"a":01}', "number"),
        (b"{a:1}", "object keys must be strings"),
        (b'{"a":tru}', "invalid character"),
        (b"{'a':1}", "object keys must be strings"),
        (b'{"a":1 /* no */}', "expected ',' or '}'"),
        (b"<Patient/>", "invalid character"),
    ],
)
def test_other_syntax_errors_say_what_and_where(raw: bytes, detail: str) -> None:
    error = refused(raw)
    assert detail in error.diagnostics
    assert "line 1, column" in error.diagnostics


def test_diagnostics_never_repeat_content() -> None:
    secret = b"Smith-Jones 1970"
    for raw in [
        b'{"name":"%s"' % secret,
        b'{"%s":1,"%s":2}' % (secret, secret),
        b'{"%s":[}' % secret,
        b'{"a":"%s\\ud800"}' % secret,
        b'{"a":"%s\\u0000"}' % secret,
    ]:
        error = refused(raw)
        assert "Smith" not in error.diagnostics + error.expression


def test_hostile_sizes_cost_less_than_a_second() -> None:
    started = time.process_time()
    assert len(json.decode(b'{"a":[' + b"1," * 1_000_000 + b"1]}")["a"]) == 1_000_001
    assert len(json.decode(b"{" + b",".join(b'"k%d":1' % i for i in range(100_000)) + b"}")) == 100_000
    refused(b'{"a":"' + b'\\"' * 1_000_000)
    refused(b'{"a":[' + b"1," * 1_000_000)
    assert time.process_time() - started < 3


def test_pretty_json_is_the_same_document() -> None:
    value = {"resourceType": "Patient", "multipleBirthInteger": 2, "x": [Decimal("1.00")]}
    pretty = json.encode_pretty(value)
    assert pretty.startswith(b'{\n  "resourceType": "Patient"')
    assert b"1.00" in pretty
    assert json.decode(pretty) == value


decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40, places=12)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | decimals | texts,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(texts, children, max_size=4),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(texts, values, max_size=5))
def test_decode_undoes_encode(value: dict[str, Any]) -> None:
    assert json.decode(json.encode(value)) == value
    assert json.decode(json.encode_pretty(value)) == value
    assert json.decode_trusted(json.encode(value)) == value
    assert json.decode(standard_json.dumps(value, default=str).encode()).keys() == value.keys()


@needs_r4_package
def test_official_examples_decode_and_come_back() -> None:
    for path in sorted(R4_PACKAGE.glob("[A-C]*-e*.json")):
        raw = path.read_bytes()
        value = json.decode(raw)
        assert value == standard_json.loads(raw, parse_float=Decimal), path.name
        assert json.decode(json.encode(value)) == value

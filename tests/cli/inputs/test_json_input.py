"""A key of JSON has call UUIDs."""

from __future__ import annotations

import json
from itertools import chain

import pytest

from plivo_async.cli.inputs import json_document
from plivo_async.cli.inputs.json_document import JsonDocument
from plivo_async.cli.inputs.json_input import JsonKey, JsonTexts, NdjsonKey
from plivo_async.cli.inputs.lines import InputError


def test_the_key_of_an_ndjson_line_has_the_id() -> None:
    parse = NdjsonKey("call_uuid")
    lines = [b'{"call_uuid": "a", "x": 1}', b"", b'{"call_uuid": " "}', b'{"call_uuid": " b "}']

    assert [parse(1, line) for line in lines] == ["a", None, "", "b"]


@pytest.mark.parametrize("line", [b"a", b"{", b"\xff", b"[" * 100_000])
def test_a_line_that_is_not_json_is_reported_with_its_number(line: bytes) -> None:
    with pytest.raises(InputError, match="line 7: not JSON: "):
        NdjsonKey("id")(7, line)


@pytest.mark.parametrize("line", [b"{}", b"[]", b"null", b'{"id": null}', b'{"ID": "a"}', b'"a"'])
def test_a_value_without_the_key_is_a_row_without_an_id(line: bytes) -> None:
    assert NdjsonKey("id")(7, line) == ""


@pytest.mark.parametrize(
    ("value", "call_uuid"), [("1", "1"), ('{"a": 1}', '{"a": 1}'), ("[]", "[]"), ("true", "true")]
)
def test_another_value_than_a_string_is_an_id_that_fails(value: str, call_uuid: str) -> None:
    assert NdjsonKey("id")(7, f'{{"id": {value}}}'.encode()) == call_uuid
    assert len(NdjsonKey("id")(7, b'{"id": [' + b"1," * 999 + b"1]}") or "") == 80


def test_a_key_that_no_line_has_is_reported() -> None:
    parse = NdjsonKey("uuid")
    parse.close()
    parse(1, b'{"id": "a"}')
    with pytest.raises(InputError, match="no line has the key 'uuid': name another one with --key"):
        parse.close()
    parse(2, b'{"uuid": null}')
    parse.close()


def test_a_message_quotes_a_short_excerpt() -> None:
    with pytest.raises(InputError) as caught:
        NdjsonKey("id")(7, b"x" * 1000)

    assert len(caught.value.message) < 120


def document(*chunks: bytes, key: str | None = "id") -> list[str | None]:
    reader = JsonDocument(JsonTexts() if key is None else JsonKey(key))
    rows = [row for chunk in chunks for row in reader.feed(chunk)]
    return [*rows, *reader.close()]


def pieces(text: bytes) -> list[bytes]:
    return [text[at : at + 100] for at in range(0, len(text), 100)]


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document keeps 1,000 characters of an object, and accepts rows of 3,000 bytes."""
    monkeypatch.setattr(json_document, "_MAX_KEPT_CHARACTERS", 1_000)
    monkeypatch.setattr(json_document, "_LONG_CHARACTERS", 500)
    monkeypatch.setattr(json_document, "MAX_JSON_LINE_BYTES", 3_000)


@pytest.mark.usefixtures("small_limits")
def test_a_list_page_of_any_length_is_read_row_by_row() -> None:
    objects = [{"id": f"id{number}", "x": "y" * 50} for number in range(100)]
    page = json.dumps({"meta": {"a": [1]}, "objects": objects, "next": None}).encode()
    reader = JsonDocument(JsonKey("id"))

    by_chunk = [list(reader.feed(piece)) for piece in pieces(page)]

    assert list(chain(*by_chunk)) == [f"id{number}" for number in range(100)]
    assert list(reader.close()) == []
    assert max(map(len, by_chunk[21:])) <= 2


@pytest.mark.usefixtures("small_limits")
def test_a_long_object_that_is_no_list_is_a_row() -> None:
    assert document(*pieces(b'{"x": "' + b"x" * 1_500 + b'", "id": "a"} {"id": "b"}')) == ["a", "b"]


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize(
    "text",
    [
        b'[{"id": "a"}, "' + b"x" * 3_100,
        b'{"x": "' + b"x" * 3_100,
        b'{"x": "' + b"x" * 1_600 + b'", "y": "' + b"y" * 1_600 + b'", "id": "a"}',
    ],
)
def test_another_value_that_is_too_long_is_refused(text: bytes) -> None:
    with pytest.raises(InputError, match="line 1: a value is longer than 3,000 bytes"):
        document(*pieces(text))


def test_a_number_may_go_on_in_the_next_chunk() -> None:
    assert document(b"[1", b'23, "a"]', key=None) == ["123", "a"]


def test_an_item_that_is_null_has_no_id() -> None:
    assert document(b'["a", null, {"id": null}, 5]') == ["", "", "", ""]
    assert document(b'["a", null]', key=None) == ["a", ""]


@pytest.mark.parametrize("text", [b'[{"id": "a"},\n{"id": x}]', b'[\n{"id": 1' + b"0" * 5_000 + b"}]"])
def test_an_item_that_is_not_json_is_reported_with_its_line(text: bytes) -> None:
    with pytest.raises(InputError, match="line 2: not JSON: "):
        document(text)
    with pytest.raises(InputError, match="line 2: not JSON: "):
        document(*(text[at : at + 1] for at in range(len(text))))


@pytest.mark.parametrize("text", [b'["a", tru', b'["a", "b', b"[" * 100_000])
def test_a_document_that_ends_inside_a_value_is_not_json(text: bytes) -> None:
    with pytest.raises(InputError, match="line 1: not JSON: "):
        document(text, key=None)


def test_an_item_of_another_type_than_expected_is_reported_with_its_line() -> None:
    with pytest.raises(InputError, match="line 3: this is JSON with objects; .* --key NAME"):
        document(b'[\n"a",\n{"x": 1}]', key=None)


def test_the_message_for_an_unknown_key_lists_a_bounded_number_of_keys() -> None:
    wide: dict[str, object] = {f"k{number}": {"a": {"b": {"c": {"d": {}}}}} for number in range(300)}
    with pytest.raises(InputError, match="no line has the key 'zzz': .*; the keys are: k0, k0.a, ") as caught:
        document(json.dumps(wide).encode() + b" 5", key="zzz")

    assert len(caught.value.message) < 300

from __future__ import annotations

import hmac
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import ConfigurationError, SignatureError
from plivo_async.webhooks import verify
from tests.webhooks.requests import FORM, NONCE, TOKEN, URL, V3, Vector, signed, v2, v3


def check(
    headers: Any,
    body: Any = FORM,
    *,
    method: str = "POST",
    url: str = URL,
    auth_token: Any = TOKEN,
    version: Any = "v3",
) -> None:
    verify(method, url, headers, body, auth_token=auth_token, version=version)


def reason(*args: Any, **options: Any) -> str:
    with pytest.raises(SignatureError) as caught:
        check(*args, **options)
    return caught.value.reason


GOOD = v3(V3["a form"].signature)
ALL_METHODS = ("GET", "get", "Get")


class Multi(dict[str, str]):
    """Several values for a key, as Starlette has them: `items` has only the last."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    def multi_items(self) -> list[tuple[str, str]]:
        return self.pairs


class Lists(dict[str, str]):
    """Several values for a key, as Django and Werkzeug have them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self.values_of: dict[str, list[str]] = {}
        for key, value in pairs:
            self.values_of.setdefault(key, []).append(value)

    def lists(self) -> Iterator[tuple[str, list[str]]]:
        return iter(self.values_of.items())


class TestAPublishedVector:
    @pytest.mark.parametrize("vector", V3.values(), ids=V3)
    def test_of_version_3_is_accepted(self, vector: Vector) -> None:
        assert signed(f"{vector.message}.{NONCE}") == vector.signature
        check(v3(vector.signature), vector.body, method=vector.method, url=vector.url)

    @pytest.mark.parametrize("vector", V3.values(), ids=V3)
    def test_of_version_3_fits_no_other_request(self, vector: Vector) -> None:
        others = [other for other in V3.values() if other is not vector]
        assert {
            reason(v3(vector.signature), other.body, method=other.method, url=other.url) for other in others
        } == {"no_match"}

    @pytest.mark.parametrize(
        ("url", "token", "nonce", "signature"),
        [
            (
                "https://app.example.com:8443/plivo/hangup?job=7",
                TOKEN,
                NONCE,
                "y/WInlhioZBDBsMO7fZhq+l2LZy35wqbwESg2rcPL2s=",
            ),
            (
                "https://answer.url",
                "my_auth_token",
                "12345",
                "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc=",
            ),
        ],
    )
    def test_of_version_2_is_accepted(self, url: str, token: str, nonce: str, signature: str) -> None:
        check(v2(signature, nonce), url=url, auth_token=token, version="v2")
        assert reason(v2(signature, f"{nonce}0"), url=url, auth_token=token, version="v2") == "no_match"


class TestTheHeaders:
    @pytest.mark.parametrize(
        "shape",
        [
            lambda pairs: {key.lower(): value for key, value in pairs},
            lambda pairs: pairs,
            lambda pairs: [(key.lower().encode(), value.encode()) for key, value in pairs],
            lambda pairs: {"HTTP_" + key.upper().replace("-", "_"): value for key, value in pairs},
            lambda pairs: {key.upper(): [value] for key, value in pairs},
            iter,
            Multi,
            Lists,
        ],
        ids=["mapping", "pairs", "ASGI", "WSGI", "lists", "iterator", "multi_items", "lists()"],
    )
    def test_are_read_in_any_shape(self, shape: Callable[[list[tuple[str, str]]], Any]) -> None:
        pairs = [("Host", "app.example.com"), *GOOD.items()]
        check(shape(pairs))
        assert reason(shape(pairs), "x=1") == "no_match"

    def test_may_have_several_signatures_and_spaces(self) -> None:
        right = V3["a form"].signature
        for some in (f"{signed('x')},{right}", f"{right}, {signed('x')}", f" ,{signed('x')} , {right} ,,"):
            check(v3(some))

    def test_may_be_repeated(self) -> None:
        first, second = v3(signed("x")), GOOD
        check([*first.items(), ("X-Plivo-Signature-V3", second["X-Plivo-Signature-V3"])])

    def test_of_the_main_account_are_read_too(self) -> None:
        nonce = {"X-Plivo-Signature-V3-Nonce": NONCE}
        main = {"X-Plivo-Signature-Ma-V3": V3["a form"].signature}
        check({**nonce, **main})
        check({**nonce, **main, "X-Plivo-Signature-V3": signed("x", "of the subaccount")})

    def test_may_be_a_whole_environment_of_wsgi(self) -> None:
        environment = {"HTTP_" + key.upper().replace("-", "_"): value for key, value in GOOD.items()}
        check({"wsgi.version": (1, 0), "wsgi.input": object(), "CONTENT_LENGTH": "7", 5: "x", **environment})

    @pytest.mark.parametrize(
        "headers", [{}, v3(""), v3(" , "), v2(V3["a form"].signature), {"X-Plivo-Signature-V3": 5}]
    )
    def test_without_a_signature_are_refused(self, headers: Any) -> None:
        assert reason(headers) == "no_signature"

    @pytest.mark.parametrize("nonce", ["", " "])
    def test_without_a_nonce_are_refused(self, nonce: str) -> None:
        assert reason(v3(V3["a form"].signature, nonce)) == "no_nonce"

    def test_with_a_second_nonce_are_refused(self) -> None:
        assert reason([*GOOD.items(), ("x-plivo-signature-v3-nonce", "2")]) == "no_match"

    @pytest.mark.parametrize("signature", ["é", "\ud800", "=", "A" * 1_000_000])
    def test_with_an_odd_signature_are_refused(self, signature: str) -> None:
        assert reason(v3(signature)) == "no_match"

    def test_of_version_2_do_not_vouch_for_a_form(self) -> None:
        assert reason({**v2(signed(URL + NONCE)), **v3("forged")}) == "no_match"

    @pytest.mark.parametrize("body", [b'{"a": 1}', FORM, [("file", object())]])
    def test_of_version_2_sign_no_body(self, body: Any) -> None:
        check(v2(signed(URL + NONCE)), body, version="v2")


class TestTheTokens:
    def test_may_be_two_while_one_is_replaced(self) -> None:
        for tokens in (["old", TOKEN], (TOKEN, "!~"), iter(["old", TOKEN]), {TOKEN}):
            check(GOOD, auth_token=tokens)

    def test_are_all_compared_with_all_signatures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        compared: list[tuple[bytes, bytes]] = []

        def compare(expected: bytes, sent: bytes) -> bool:
            compared.append((expected, sent))
            return expected == sent

        monkeypatch.setattr(hmac, "compare_digest", compare)
        right = V3["a form"].signature
        check(v3(f"{right},{signed('x')}"), auth_token=[TOKEN, "other"])
        assert len(compared) == len(set(compared)) == 4

    @pytest.mark.parametrize(
        "token", ["", "two words", "new\n", "tökén", b"bytes", None, 7, [], [""], [None]]
    )
    def test_that_cannot_be_one_are_refused(self, token: Any) -> None:
        with pytest.raises(ConfigurationError, match="^auth_token must be"):
            check(v3(signed(f"{V3['a form'].message}.{NONCE}", "")), auth_token=token)

    @pytest.mark.parametrize(
        "changes",
        [
            {"headers": {}},
            {"headers": v3("x", "")},
            {"headers": v3("x")},
            {"headers": None},
            {"method": "GET"},
            {"method": None},
            {"url": "/plivo"},
            {"version": "v1"},
            {"auth_token": [TOKEN, ""]},
            {"body": 5},
        ],
        ids=str,
    )
    def test_and_expected_signatures_are_in_no_traceback(self, changes: dict[str, Any]) -> None:
        given: dict[str, Any] = {"headers": GOOD, "body": FORM, **changes}
        with pytest.raises((SignatureError, ConfigurationError)) as caught:
            check(**given)
        trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        ours = [frame for frame in trace.stack if "plivo_async/webhooks" in frame.filename]
        assert ours
        text = f"{caught.value!r} {vars(caught.value)} {[frame.locals for frame in ours]}"
        assert TOKEN not in text
        if given["headers"] is not GOOD:
            assert V3["a form"].signature not in text


class TestTheMethod:
    @pytest.mark.parametrize("method", ALL_METHODS)
    def test_is_read_in_any_letter_case(self, method: str) -> None:
        vector = V3["GET"]
        check(v3(vector.signature), method=method, url=vector.url, body=b"")
        check(v3(vector.signature), method=method, url=vector.url, body=())

    @pytest.mark.parametrize("body", ["CallUUID=c2", b" ", {"CallUUID": "c2"}, [("file", object())]])
    def test_get_has_no_body_because_that_is_not_signed(self, body: Any) -> None:
        vector = V3["GET"]
        assert reason(v3(vector.signature), body, method="GET", url=vector.url) == "unsigned_body"

    def test_of_a_websocket_is_get_and_its_scheme_that_of_http(self) -> None:
        headers = v3(signed(f"http://app.example.com/stream?a=1.{NONCE}"))
        check(headers, "", method="GET", url="ws://app.example.com/stream?a=1")
        assert reason(headers, "", method="GET", url="wss://app.example.com/stream?a=1") == "no_match"
        check(v3(signed(f"{URL}.{NONCE}")), "", method="GET", url=URL.replace("https", "wss"))


def fits(base: str, url: str) -> bool:
    """Whether a request to a URL that was signed as this base is accepted."""
    try:
        check(v3(signed(f"{base}.{NONCE}")), "", url=url)
    except SignatureError:
        return False
    return True


class TestTheURL:
    def test_keeps_its_port(self) -> None:
        assert fits("https://a.example:443/h", "https://a.example:443/h")
        assert not fits("https://a.example/h", "https://a.example:443/h")

    def test_keeps_the_letter_case_of_its_host_but_not_of_its_scheme(self) -> None:
        assert fits("https://A.example/h", "HTTPS://A.example/h")
        assert not fits("https://a.example/h", "https://A.example/h")

    def test_keeps_names_that_are_not_ascii(self) -> None:
        assert fits("https://bücher.example/h", "https://bücher.example/h")
        assert fits("https://xn--bcher-kva.example/h", "https://xn--bcher-kva.example/h")

    def test_keeps_the_escapes_and_semicolons_of_its_path(self) -> None:
        assert fits("https://a.example/h%20up;v=1", "https://a.example/h%20up;v=1")
        assert not fits("https://a.example/h up", "https://a.example/h%20up")

    def test_may_be_signed_with_its_user_or_without(self) -> None:
        assert fits("https://u:p@a.example/h", "https://u:p@a.example/h")
        assert fits("https://a.example/h", "https://u:p@a.example/h")
        assert not fits("https://u:p@a.example/h", "https://a.example/h")

    def test_shows_no_user_in_the_error(self) -> None:
        with pytest.raises(SignatureError, match=r"fits 'https://a\.example/h':"):
            check(v3("x"), url="https://user:password@a.example/h?key=secret")

    def test_may_be_signed_without_the_slash_that_every_request_has(self) -> None:
        assert fits("https://a.example", "https://a.example/")
        assert fits("https://a.example/", "https://a.example")
        assert not fits("https://a.example", "https://a.example//")

    def test_has_no_fragment(self) -> None:
        assert fits("https://a.example/h?a=1", "https://a.example/h?a=1#ct=2000&rt=40000")
        assert fits("https://a.example/h", "https://a.example/h#rt=1?x=2")

    @pytest.mark.parametrize(
        "url", ["", "/plivo/hangup", "app.example.com/h", "ftp://a/h", b"https://a/h", None]
    )
    def test_that_is_none_is_refused(self, url: Any) -> None:
        with pytest.raises(ConfigurationError, match="^url must be a whole URL"):
            check(GOOD, url=url)

    @pytest.mark.parametrize(
        "url", ["https://", "https:///h", "https://[::1/h", "https://a\ud800/h", "http://a b/\n"]
    )
    def test_of_a_foreign_request_is_only_text(self, url: str) -> None:
        assert reason(GOOD, url=url) == "no_match"


class TestTheQuery:
    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&a=", "a=&a=1&a=2"),
            ("flag", "flag="),
            ("&&a=1&", "a=1"),
            ("a=x+y%2Bz", "a=x y+z"),
            ("a=1;b=2", "a=1;b=2"),
            ("B=1&a=2", "B=1&a=2"),
            ("n=%C3%A9", "n=é"),
            ("=", "="),
            ("a=%zz", "a=%zz"),
        ],
    )
    def test_is_decoded_and_sorted(self, query: str, message: str) -> None:
        check(v3(signed(f"{URL}?{message}.{NONCE}")), "", method="GET", url=f"{URL}?{query}")

    def test_without_a_pair_adds_nothing(self) -> None:
        assert fits(URL, f"{URL}?")
        assert fits(URL, f"{URL}?&")


class TestTheForm:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"b=2&a=1", b"a1b2"),
            (b"a=x+y%2Bz&;=%26", b";&ax y+z"),
            (b"a=1;b=2", b"a1;b=2"),
            (b"x=%C3%A9&x=%F0%9F%98%80&x=%EF%BF%BD", "xéx\ufffdx😀".encode()),
            (b"x=%FE&x=%FF&y=%FFz", b"x\xfex\xffy\xffz"),
            (b"a==b=c", b"a=b=c"),
            (b"&a=1&", b"a1"),
            (b"=", b""),
        ],
    )
    def test_is_decoded_and_sorted(self, body: bytes, message: bytes) -> None:
        headers = v3(signed(f"{URL}?".encode() + message + f".{NONCE}".encode()))
        for form in (body, body.decode(), bytearray(body), memoryview(body)):
            check(headers, form)

    def test_of_bytes_that_are_no_text_is_not_confused_with_another(self) -> None:
        headers = v3(signed(f"{URL}?x".encode() + b"\xfe" + f".{NONCE}".encode()))
        check(headers, b"x=%FE")
        assert reason(headers, b"x=%FF") == "no_match"

    @pytest.mark.parametrize("body", [b"HangupCauseName&Normal+Hangup", b"HangupCauseNameNormal+Hangup"])
    def test_with_a_key_without_an_equals_sign_is_refused(self, body: bytes) -> None:
        # Plivo does not write one, and its signature would be that of another form.
        check(v3(signed(f"{URL}?HangupCauseNameNormal Hangup.{NONCE}")), b"HangupCauseName=Normal+Hangup")
        assert reason(v3(signed(f"{URL}?HangupCauseNameNormal Hangup.{NONCE}")), body) == "no_match"

    @pytest.mark.parametrize("shape", [list, dict, Multi, Lists, iter])
    def test_may_be_parsed_already(self, shape: Callable[[list[tuple[str, str]]], Any]) -> None:
        pairs = parse_qsl(FORM + "&AnswerTime=", keep_blank_values=True)
        check(v3(V3["a blank value"].signature), shape(pairs))
        assert reason(v3(V3["a blank value"].signature), shape(pairs[1:])) == "no_match"

    @pytest.mark.parametrize(
        "form",
        [
            [("x", "2"), ("x", "1")],
            [(b"x", b"1"), (b"x", b"2")],
            {"x": ["2", "1"]},
            {"x": ("1", "2")},
            Multi([("x", "2"), ("x", "1")]),
            Lists([("x", "2"), ("x", "1")]),
        ],
        ids=repr,
    )
    def test_may_have_several_values_for_a_key(self, form: Any) -> None:
        check(v3(V3["a repeated key"].signature), form)

    def test_is_not_changed(self) -> None:
        form = {"x": ["2", "1"]}
        check(v3(V3["a repeated key"].signature), form)
        assert form == {"x": ["2", "1"]}

    @pytest.mark.parametrize("value", [object(), 5, None])
    def test_with_a_file_or_another_value_is_refused(self, value: Any) -> None:
        assert reason(GOOD, [("x", value)]) == "no_match"

    @pytest.mark.parametrize("form", [5, object(), ["x"], [("x", "y", "z")]])
    def test_that_is_none_is_an_error_of_the_program(self, form: Any) -> None:
        with pytest.raises(ConfigurationError, match="^the form must be a mapping or pairs, not "):
            check(GOOD, form)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"headers": 5}, "headers must be a mapping or pairs, not int"),
        ({"headers": "text"}, "headers must be a mapping or pairs, not str"),
        ({"version": "v1"}, "version must be 'v3' or 'v2', not 'v1'"),
        ({"method": b"POST"}, "method must be a str, not b'POST'"),
    ],
)
def test_an_argument_of_a_wrong_type_is_named(options: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"headers": GOOD, **options}
    with pytest.raises(ConfigurationError) as caught:
        check(**arguments)
    assert str(caught.value) == message


# A small alphabet, because Hypothesis takes seconds to learn all of Unicode.
_text = st.text("abA=&+% .é😀", max_size=4)
_pairs = st.lists(st.tuples(_text, _text), min_size=1, max_size=6)


@given(data=st.data(), pairs=_pairs)
def test_every_order_of_the_pairs_has_the_same_signature(data: st.DataObject, pairs: Any) -> None:
    message = "".join(key + value for key, value in sorted(pairs))
    headers = v3(signed(f"{URL}?{message}.{NONCE}"))
    again = data.draw(st.permutations(pairs))
    check(headers, urlencode(again))
    check(headers, again)


def meaning(body: bytes) -> list[tuple[str, str]]:
    return sorted(parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1"))


@pytest.mark.parametrize("name", ["a blank value", "a repeated key"])
def test_no_byte_of_a_form_can_be_changed(name: str) -> None:
    body = V3[name].body.encode()
    headers = v3(V3[name].signature)
    for index in range(len(body)):
        for byte in b"=&+a":
            changed = body[:index] + bytes([byte]) + body[index + 1 :]
            if meaning(changed) != meaning(body):
                assert reason(headers, changed) == "no_match", changed


@given(
    index=st.integers(0, 10_000),
    character=st.sampled_from("aAz0-_%/:"),
    where=st.sampled_from(["url", "nonce", "signature", "token"]),
)
def test_no_character_of_url_nonce_signature_or_token_can_be_changed(
    index: int, character: str, where: str
) -> None:
    vector = V3["a query and a form"]
    given = {"url": vector.url, "nonce": NONCE, "signature": vector.signature, "token": TOKEN}
    text = given[where]
    # The scheme is read in any letter case.
    index = max(index % len(text), len("https://") * (where == "url"))
    changed = text[:index] + character + text[index + 1 :]
    if changed != text:
        given[where] = changed
        headers = v3(given["signature"], given["nonce"])
        assert reason(headers, url=given["url"], auth_token=given["token"]) == "no_match"


def test_a_large_form_takes_time_in_proportion() -> None:
    """Counted, not timed: each pair is decoded once."""
    pairs = [(f"k{number}", "v" * 50) for number in range(5_000)]
    message = "".join(key + value for key, value in sorted(pairs))
    check(v3(signed(f"{URL}?{message}.{NONCE}")), urlencode(pairs))

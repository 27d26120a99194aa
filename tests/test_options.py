from __future__ import annotations

import math
import traceback
from typing import Any

import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from plivo_async.base_url import check_base_url
from plivo_async.credentials import Credentials, find_credentials
from plivo_async.errors import ConfigurationError
from plivo_async.options import Options
from plivo_async.retry_policy import RetryPolicy
from plivo_async.secret import Secret

TOKEN = "tok3n-that-nobody-may-see"
ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
NO_NUMBERS: list[Any] = [True, False, "1", b"1", math.nan, math.inf, -math.inf, 0, 0.0, -1, [], 10**400]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLIVO_AUTH_ID", raising=False)
    monkeypatch.delenv("PLIVO_AUTH_TOKEN", raising=False)


def credentials(auth_id: Any = None, auth_token: Any = None) -> tuple[str, str]:
    found = find_credentials(auth_id, Secret(auth_token))
    return found.auth_id, found.auth_token


class TestOptions:
    def test_have_finite_time_outs_and_a_deadline_by_default(self) -> None:
        options = Options()
        assert options.attempt_timeouts == {"connect": 5.0, "read": 10.0, "write": 10.0, "pool": None}
        assert (options.deadline, options.retry, options.max_body) == (60.0, RetryPolicy(), 4 * 1024 * 1024)

    def test_a_number_sets_every_time_out(self) -> None:
        assert Options(timeout=3).attempt_timeouts == {
            "connect": 3.0,
            "read": 3.0,
            "write": 3.0,
            "pool": None,
        }

    def test_a_timeout_of_httpx_sets_each(self) -> None:
        timeout = httpx.Timeout(7.0, connect=1.0, write=None)
        assert Options(timeout=timeout).attempt_timeouts == {
            "connect": 1.0,
            "read": 7.0,
            "write": None,
            "pool": None,
        }

    def test_none_is_no_deadline_and_one_attempt(self) -> None:
        options = Options(deadline=None, retry=None)
        assert options.deadline is None
        assert options.retry.max_attempts == 1

    @pytest.mark.parametrize("value", [*NO_NUMBERS, None], ids=lambda value: repr(value)[:12])
    def test_a_time_out_that_is_no_positive_number_is_refused(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^timeout must be "):
            Options(timeout=value)

    @pytest.mark.parametrize("name", ["connect", "read", "write", "pool"])
    @pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: repr(value)[:12])
    def test_a_part_of_a_time_out_that_is_no_positive_number_is_refused(self, name: str, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=rf"^timeout\.{name} must be "):
            Options(timeout=httpx.Timeout(5.0, **{name: value}))

    @pytest.mark.parametrize("value", NO_NUMBERS, ids=lambda value: repr(value)[:12])
    def test_a_deadline_that_is_no_positive_number_is_refused(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^deadline must be "):
            Options(deadline=value)

    @pytest.mark.parametrize("value", [True, 2.0, "3", RetryPolicy, {"max_attempts": 3}])
    def test_a_retry_that_is_no_policy_is_refused(self, value: Any) -> None:
        with pytest.raises(
            ConfigurationError, match=r"^retry must be a RetryPolicy, a number of attempts or"
        ):
            Options(retry=value)

    def test_a_retry_may_be_a_number_of_attempts(self) -> None:
        assert Options(retry=5).retry == RetryPolicy(max_attempts=5)

    @pytest.mark.parametrize("value", [0, -1])
    def test_no_attempt_at_all_is_refused(self, value: int) -> None:
        with pytest.raises(ConfigurationError, match=r"^retry must be at least 1, not "):
            Options(retry=value)

    @pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None, math.nan, math.inf])
    def test_a_cap_that_is_no_positive_int_is_refused(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^max_body must be "):
            Options(max_body=value)

    def test_changes_make_other_options(self) -> None:
        options = Options()
        changed = options.changed({"deadline": 5, "retry": None})
        assert (changed.deadline, changed.retry.max_attempts, changed.timeout) == (5.0, 1, options.timeout)
        assert (options.deadline, options.retry.max_attempts) == (60.0, 3)

    def test_the_least_cap_is_a_byte(self) -> None:
        assert Options(max_body=1).max_body == 1

    def test_no_changes_make_no_other_options(self) -> None:
        options = Options()
        assert options.changed({}) is options

    def test_a_change_is_checked_too(self) -> None:
        with pytest.raises(ConfigurationError, match="deadline"):
            Options().changed({"deadline": -1})

    def test_an_option_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(
            TypeError,
            match="a call has no option deadlin; its options are timeout, retry, max_body, deadline",
        ):
            Options().changed({"deadlin": 5})  # type: ignore[typeddict-unknown-key]


class TestCredentials:
    def test_come_from_the_arguments(self) -> None:
        assert credentials("MA1", TOKEN) == ("MA1", TOKEN)

    def test_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLIVO_AUTH_ID", "MA2")
        monkeypatch.setenv("PLIVO_AUTH_TOKEN", TOKEN)
        assert credentials() == ("MA2", TOKEN)

    def test_come_from_the_arguments_first_one_by_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLIVO_AUTH_ID", "MA2")
        monkeypatch.setenv("PLIVO_AUTH_TOKEN", TOKEN)
        assert credentials("MA1") == ("MA1", TOKEN)
        assert credentials(auth_token="other") == ("MA2", "other")

    @pytest.mark.parametrize(("name", "given"), [("auth_id", (None, TOKEN)), ("auth_token", ("MA1", None))])
    def test_are_asked_for_where_they_are_missing(self, name: str, given: tuple[Any, Any]) -> None:
        with pytest.raises(ConfigurationError, match=f"no {name}: pass it, or set PLIVO_{name.upper()}$"):
            credentials(*given)

    @pytest.mark.parametrize(("name", "given"), [("auth_id", ("", TOKEN)), ("auth_token", ("MA1", ""))])
    def test_may_not_be_empty(
        self, name: str, given: tuple[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ConfigurationError, match=f"^{name} must be"):
            credentials(*given)
        monkeypatch.setenv(f"PLIVO_{name.upper()}", "")
        with pytest.raises(ConfigurationError, match=f"^{name} must be"):
            credentials(*(value or None for value in given))

    @pytest.mark.parametrize("value", [b"MA1", 5, True, ["MA1"]])
    def test_must_be_text(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=f"auth_id must be a str, not {type(value).__name__}"):
            credentials(value, TOKEN)
        with pytest.raises(ConfigurationError, match=f"auth_token must be a str, not {type(value).__name__}"):
            credentials("MA1", value)

    @given(st.text(ID_CHARACTERS, min_size=1, max_size=128))
    def test_an_id_is_of_the_characters_that_ids_have(self, auth_id: str) -> None:
        assert credentials(auth_id, TOKEN) == (auth_id, TOKEN)

    @given(st.text())
    @example("MA1\n")
    @example("MA1:x")
    @example("MA/1")
    @example("..")
    @example("A" * 129)
    @example("MÄ")
    def test_an_id_of_other_characters_is_refused(self, auth_id: str) -> None:
        assume(not (auth_id and len(auth_id) <= 128 and set(auth_id) <= set(ID_CHARACTERS)))
        with pytest.raises(
            ConfigurationError, match="auth_id must be 1 to 128 characters of A-Z a-z 0-9 _ -$"
        ):
            credentials(auth_id, TOKEN)

    @given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=256))
    def test_a_token_is_of_printable_ascii(self, auth_token: str) -> None:
        assert credentials("MA1", auth_token) == ("MA1", auth_token)

    @given(st.text())
    @example("token\n")
    @example("tok\r\nen")
    @example("to ken")
    @example("t" * 257)
    @example("tökn")
    def test_a_token_of_other_characters_is_refused(self, auth_token: str) -> None:
        assume(not (auth_token and len(auth_token) <= 256 and all("!" <= c <= "~" for c in auth_token)))
        with pytest.raises(ConfigurationError, match="auth_token must be 1 to 256 printable ASCII"):
            credentials("MA1", auth_token)

    def test_show_no_token(self) -> None:
        assert repr(Credentials("MA1", TOKEN)) == "Credentials(auth_id='MA1')"
        assert repr(Secret(TOKEN)) == "Secret(...)"

    @pytest.mark.parametrize("auth_token", [TOKEN + "\n", TOKEN.encode(), [TOKEN]])
    def test_show_no_token_where_they_are_refused(self, auth_token: Any) -> None:
        secret = Secret(auth_token)
        del auth_token
        with pytest.raises(ConfigurationError) as caught:
            find_credentials("MA1", secret)
        frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack[1:]
        assert len(frames) == 1
        assert not any(TOKEN in value for frame in frames for value in (frame.locals or {}).values())


class TestBaseURL:
    @pytest.mark.parametrize(
        "url",
        [
            "https://api.plivo.com",
            "https://api.plivo.com/",
            "https://api.plivo.com:8443",
            "https://gateway.example/plivo/",
            "HTTPS://API.PLIVO.COM",
            "https://10.0.0.1",
            "https://[::1]:8443",
            "http://localhost:8000",
            "http://127.0.0.1:8000",
            "http://[::1]:8000",
        ],
    )
    def test_may_be_https_or_loopback(self, url: str) -> None:
        assert check_base_url(url) == httpx.URL(url)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "api.plivo.com",
            "//api.plivo.com",
            "/v1",
            "http://api.plivo.com",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://0.0.0.0",
            "ftp://localhost",
            "file:///etc/passwd",
            "https://",
            "https:///path",
            "https://api.plivo.com:0",
            "https://api.plivo.com:65536",
            "https://api.plivo.com:port",
            "https://xn--a",
            f"https://{'a' * 64}.com",
            "https://[::1",
            "https://user@api.plivo.com",
            "https://user:pass@api.plivo.com",
            "https://@api.plivo.com",
            "https://api.plivo.com/?a=b",
            "https://api.plivo.com?",
            "https://api.plivo.com/#a",
            "https://api.plivo.com#",
            "https://api.plivo.com/%2e%2e/v2",
            "https://api.plivo.com\n",
            "https://api.plivo.com\r\nHost: evil",
            "https://api.plivo.com/a b",
            " https://api.plivo.com",
            "https://api.plivo.com/ü",
            "https://bücher.example",
            "https://api.plivo.com/" + "a" * 3000,
            None,
            5,
            b"https://api.plivo.com",
            httpx.URL("https://api.plivo.com"),
        ],
        ids=lambda url: repr(url)[:40],
    )
    def test_may_be_nothing_else(self, url: Any) -> None:
        with pytest.raises(ConfigurationError, match="base_url must be an https:// URL"):
            check_base_url(url)

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("https://api.plivo.com/a b", ", printable ASCII$"),
            ("https://api.plivo.com:port", ": \"Invalid port: 'port'\"$"),
            ("https://user@api.plivo.com", ", without user name, query or fragment$"),
            (
                "http://api.plivo.com",
                ", not 'http://api.plivo.com'; for a fake on another host pass .* unencrypted$",
            ),
            ("https://api.plivo.com/%2e%2e/", ", with a path free of '.' and '..'$"),
            ("https://api.plivo.com/v1", ", without the version: leave out /v1$"),
            ("https://proxy.example/plivo/v1/", ", without the version: leave out /v1$"),
        ],
    )
    def test_is_refused_with_a_reason(self, url: str, reason: str) -> None:
        rule = r"^base_url must be an https:// URL \(http:// on loopback only\)"
        with pytest.raises(ConfigurationError, match=rule + reason):
            check_base_url(url)

    @pytest.mark.parametrize("password", ["passw0rd", "passw0rd/x", "passw0rd?x"])
    def test_is_not_repeated_where_it_may_hold_a_password(self, password: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            check_base_url(f"https://user:{password}@api.plivo.com")
        assert "passw0rd" not in f"{caught.value!r} {vars(caught.value)}"

    @given(st.text(st.characters(min_codepoint=32, max_codepoint=126)) | st.text())
    def test_what_is_taken_stays_on_its_host(self, rest: str) -> None:
        try:
            url = check_base_url(f"https://api.plivo.com{rest}")
        except ConfigurationError:
            return
        # A name may go on, as in "api.plivo.com.example": whoever sets base_url is trusted with the host.
        assert url.host.startswith("api.plivo.com")
        path = str(url).rstrip("/") + "/v1/Account/MA1/"
        assert httpx.URL(path).host == url.host
        assert httpx.URL(path).path.endswith("/v1/Account/MA1/")
        assert (httpx.URL(path).query, httpx.URL(path).fragment) == (b"", "")

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plivo_async import CallNext, DeadlineExceededError, RetryBudget, RetryMiddleware, RetryPolicy
from plivo_async.context import CallLimits, CallState, Supervisor
from plivo_async.errors import ConfigurationError, PlivoError, RateLimitError, ServerError
from tests.virtual_time import in_virtual_time

RETRYABLE = {408, 429, 500, 502, 503, 504}
Outcome = httpx.Response | Exception | int


class Server:
    """What comes next after RetryMiddleware: these outcomes, the last one for ever."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = outcomes
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        outcome = self.outcomes[min(len(self.requests), len(self.outcomes)) - 1]
        if isinstance(outcome, Exception):
            raise outcome
        return httpx.Response(outcome) if isinstance(outcome, int) else outcome


class Naps:
    """A sleep that takes no time, and knows how long it was to be."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.taken: list[float] = []
        self.then = then

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        self.then()


def request(method: str = "GET") -> httpx.Request:
    return httpx.Request(method, "https://api.plivo.com/")


def retry(policy: RetryPolicy | None = None, naps: Naps | None = None, **options: Any) -> RetryMiddleware:
    return RetryMiddleware(policy, sleep=naps or Naps(), random=lambda: 0.0, **options)


def refused(status: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("no", request=request(), response=httpx.Response(status))


class TestWhatIsTriedAgain:
    async def test_a_retryable_status_and_no_other(self) -> None:
        for status in range(100, 600):
            server = Server(status)
            response = await retry()(request(), server)
            assert response.status_code == status
            assert len(server.requests) == (3 if status in RETRYABLE else 1), status

    async def test_a_retryable_status_that_a_hook_raised_and_no_other(self) -> None:
        for status in range(100, 600):
            server = Server(refused(status))
            with pytest.raises(httpx.HTTPStatusError):
                await retry()(request(), server)
            assert len(server.requests) == (3 if status in RETRYABLE else 1), status

    @pytest.mark.parametrize(
        "failure",
        [
            httpx.ConnectError,
            httpx.ReadError,
            httpx.WriteError,
            httpx.CloseError,
            httpx.ConnectTimeout,
            httpx.ReadTimeout,
            httpx.WriteTimeout,
            httpx.PoolTimeout,
            httpx.RemoteProtocolError,
            httpx.ProxyError,
        ],
    )
    async def test_a_failure_on_the_wire(self, failure: type[httpx.TransportError]) -> None:
        server = Server(failure("x"))
        with pytest.raises(failure):
            await retry()(request(), server)
        assert len(server.requests) == 3

    @pytest.mark.parametrize(
        "failure",
        [
            httpx.LocalProtocolError("x"),
            httpx.UnsupportedProtocol("x"),
            httpx.ProxyError("407 Proxy Authentication Required"),
            httpx.DecodingError("x"),
            httpx.TooManyRedirects("x"),
            httpx.InvalidURL("x"),
            httpx.StreamConsumed(),
            ServerError("x", status=503),
            ValueError("x"),
            TimeoutError("x"),
            asyncio.CancelledError(),
            KeyboardInterrupt(),
        ],
        ids=repr,
    )
    async def test_nothing_else(self, failure: BaseException) -> None:
        requests: list[httpx.Request] = []

        async def fails(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            raise failure

        with pytest.raises(type(failure)) as caught:
            await retry()(request(), fails)
        assert caught.value is failure
        assert len(requests) == 1

    async def test_no_refused_certificate(self) -> None:
        failure = httpx.ConnectError("bad certificate")
        failure.__cause__ = ssl.SSLCertVerificationError(1, "expired")
        server = Server(failure)
        with pytest.raises(httpx.ConnectError):
            await retry()(request(), server)
        assert len(server.requests) == 1

    async def test_a_failure_while_another_server_s_certificate_is_being_handled(self) -> None:
        async def fails(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            raise httpx.ConnectError("refused")

        requests: list[httpx.Request] = []
        try:
            raise ssl.SSLCertVerificationError(1, "of another server")
        except ssl.SSLError:
            with pytest.raises(httpx.ConnectError):
                await retry()(request(), fails)
        assert len(requests) == 3

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    async def test_a_method_that_changes_nothing(self, method: str) -> None:
        server = Server(503, 200)
        assert (await retry()(request(method), server)).status_code == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "get", "BREW"])
    async def test_no_other_method(self, method: str) -> None:
        server = Server(503, 200)
        sent = httpx.Request("GET", "https://api.plivo.com/")
        sent.method = method
        assert (await retry()(sent, server)).status_code == 503


class TestOutcome:
    async def test_is_the_first_success(self) -> None:
        server = Server(503, httpx.ReadError("gone"), 200, 503)
        assert (await retry()(request(), server)).status_code == 200
        assert len(server.requests) == 3

    async def test_is_the_last_answer(self) -> None:
        answers = [httpx.Response(503, headers={"n": str(n)}) for n in range(5)]
        assert await retry()(request(), Server(*answers)) is answers[2]

    async def test_is_the_last_exception(self) -> None:
        failures = [httpx.ReadError(str(n)) for n in range(5)]
        with pytest.raises(httpx.ReadError) as caught:
            await retry()(request(), Server(*failures))
        assert caught.value is failures[2]
        assert caught.value.__context__ is None

    @pytest.mark.parametrize("attempts", [1, 2, 10])
    async def test_comes_after_as_many_attempts_as_the_policy_allows(self, attempts: int) -> None:
        server = Server(503)
        await retry(RetryPolicy(max_attempts=attempts))(request(), server)
        assert len(server.requests) == attempts

    async def test_leaves_the_last_failure_in_the_context(self) -> None:
        sent = request()
        await retry()(sent, Server(httpx.Response(503)))
        last = CallState.attached_to(sent).last_failure
        assert (type(last), last and last.status) == (ServerError, 503)


class TestPolicyInUse:
    async def test_is_its_own_before_that_of_the_request(self) -> None:
        sent, server = request(), Server(503)
        CallState(CallLimits(retry=RetryPolicy(max_attempts=2))).attach(sent)
        await retry(RetryPolicy(max_attempts=4))(sent, server)
        assert len(server.requests) == 4

    async def test_is_that_of_the_request_where_it_has_none(self) -> None:
        sent, server = request(), Server(503)
        CallState(CallLimits(retry=RetryPolicy(max_attempts=2))).attach(sent)
        await retry()(sent, server)
        assert len(server.requests) == 2

    @pytest.mark.parametrize(
        ("name", "value"),
        [("policy", 3), ("policy", RetryPolicy), ("policy", RetryBudget()), ("budget", 15), ("budget", True)],
        ids=str,
    )
    def test_and_budget_are_checked(self, name: str, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=f"^{name} must be of type Retry{name.title()}, not "):
            RetryMiddleware(**{name: value})

    def test_and_budget_are_shown(self) -> None:
        assert repr(RetryMiddleware(RetryPolicy(max_attempts=2), budget=RetryBudget(7))) == (
            "RetryMiddleware(RetryPolicy(max_attempts=2, backoff_base=0.5, backoff_max=8.0, jitter=0.5, "
            "retry_after_max=60.0), budget=RetryBudget(7 of 7 left))"
        )

    async def test_is_the_outermost_s_where_there_are_two(self) -> None:
        server = Server(503)
        outer, inner = retry(RetryPolicy(max_attempts=4)), retry(RetryPolicy(max_attempts=5))

        async def through_inner(request: httpx.Request) -> httpx.Response:
            return await inner(request, server)

        await outer(request(), through_inner)
        assert len(server.requests) == 4
        assert (outer.budget.left, inner.budget.left) == (12, 15)

    async def test_is_the_same_where_middleware_asks_twice(self) -> None:
        once, server, sent = retry(), Server(503), request()
        await asyncio.gather(once(sent, server), once(sent, server))
        assert len(server.requests) == 6


class TestGaps:
    async def test_grow(self) -> None:
        naps = Naps()
        await retry(RetryPolicy(max_attempts=6), naps)(request(), Server(503))
        assert naps.taken == [0.5, 1.0, 2.0, 4.0, 8.0]

    async def test_are_drawn_at_random(self) -> None:
        draws, naps = iter([0.0, 0.5, 0.9]), Naps()
        await RetryMiddleware(sleep=naps, random=lambda: next(draws))(request(), Server(503))
        assert naps.taken == [0.5, 0.75]

    async def test_are_what_the_server_asks_for(self) -> None:
        naps = Naps()
        slow = httpx.Response(429, headers={"Retry-After": "7"})
        await retry(naps=naps)(request(), Server(slow, httpx.ReadError("x"), 200))
        assert naps.taken == [7.25, 1.0]

    async def test_are_what_the_server_asked_a_hook_for(self) -> None:
        naps = Naps()
        failure = refused(503)
        failure.response.headers["Retry-After"] = "7"
        await retry(naps=naps)(request(), Server(failure, 200))
        assert naps.taken == [7.25]

    @pytest.mark.parametrize("value", ["NaN", "-1", "9" * 5000, "soon"])
    async def test_do_not_mind_garbage(self, value: str) -> None:
        naps = Naps()
        await retry(naps=naps)(request(), Server(httpx.Response(503, headers={"Retry-After": value}), 200))
        assert naps.taken == [0.5]

    async def test_longer_than_the_cap_end_the_call_at_once(self) -> None:
        naps = Naps()
        server = Server(httpx.Response(429, headers={"Retry-After": "61"}), 200)
        assert (await retry(naps=naps)(request(), server)).status_code == 429
        assert (naps.taken, len(server.requests)) == ([], 1)

    async def test_really_pass_by_default(self) -> None:
        # An asyncio.sleep of this length ends in the next round of the event loop.
        brief = RetryMiddleware(RetryPolicy(backoff_base=1e-9))
        assert (await brief(request(), Server(503, 200))).status_code == 200

    async def test_may_be_cancelled(self) -> None:
        sleeping, server = asyncio.Event(), Server(503)

        async def sleep(_: float) -> None:
            sleeping.set()
            await asyncio.Event().wait()

        once = RetryMiddleware(sleep=sleep)
        call = asyncio.ensure_future(once(request(), server))
        await sleeping.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (len(server.requests), once.budget.left) == (1, 15)


class TestDeadline:
    @staticmethod
    def due_in(seconds: float) -> httpx.Request:
        sent = request()
        limits = CallLimits(deadline=asyncio.get_running_loop().time() + seconds)
        CallState(limits, attempts=1).attach(sent)
        return sent

    async def test_that_ends_before_the_wait_is_an_error_at_once(self) -> None:
        naps = Naps()
        server = Server(httpx.Response(503, json={"error": "down", "api_id": "a1"}))
        patient = RetryPolicy(backoff_base=1000.0, backoff_max=1000.0)
        with pytest.raises(DeadlineExceededError, match=r"the next attempt is due in 1000.00 s, ") as caught:
            await retry(patient, naps)(self.due_in(500.0), server)
        error = caught.value
        assert (naps.taken, len(server.requests)) == ([], 1)
        assert (error.status, error.api_id, error.attempts) == (503, "a1", 1)
        assert type(error.__cause__) is ServerError
        assert error.__context__ in (None, error.__cause__)

    async def test_that_ends_before_a_retry_after_is_an_error_with_it(self) -> None:
        naps = Naps()
        server = Server(httpx.Response(429, headers={"Retry-After": "50"}))
        with pytest.raises(DeadlineExceededError) as caught:
            await retry(naps=naps)(self.due_in(40.0), server)
        assert caught.value.retry_after == 50.0
        assert type(caught.value.__cause__) is RateLimitError
        assert (naps.taken, len(server.requests)) == ([], 1)

    async def test_that_the_wait_fits_into_lets_it_be(self) -> None:
        naps = Naps()
        server = Server(httpx.Response(429, headers={"Retry-After": "50"}), 200)
        assert (await retry(naps=naps)(self.due_in(1000.0), server)).status_code == 200
        assert naps.taken == [50.25]

    async def test_in_the_past_leaves_no_time(self) -> None:
        with pytest.raises(
            DeadlineExceededError, match=r"the deadline in 0\.00 s; last failure: ReadError: x"
        ):
            await retry()(self.due_in(-5.0), Server(httpx.ReadError("x")))

    async def test_matters_not_after_the_last_attempt(self) -> None:
        assert (await retry(RetryPolicy(max_attempts=1))(self.due_in(-5.0), Server(503))).status_code == 503


class TestBudget:
    @pytest.mark.parametrize("attempts", [2, 3, 10, 1000])
    @pytest.mark.parametrize("calls", [16, 20, 100])
    @pytest.mark.parametrize("outcome", [503, httpx.ConnectError("refused"), refused(500)], ids=repr)
    async def test_an_outage_costs_less_than_two_requests_a_call(
        self, attempts: int, calls: int, outcome: Outcome
    ) -> None:
        server, once = Server(outcome), retry(RetryPolicy(max_attempts=attempts))
        for _ in range(calls):
            with contextlib.suppress(httpx.HTTPError):
                await once(request(), server)
        assert len(server.requests) == calls + 15 < 2 * calls

    @pytest.mark.parametrize("attempts", [2, 3, 10, 1000])
    async def test_so_does_an_outage_of_calls_at_the_same_time(self, attempts: int) -> None:
        server = Server(503)
        once = retry(RetryPolicy(max_attempts=attempts), Naps())
        await asyncio.gather(*(once(request(), server) for _ in range(200)))
        assert len(server.requests) == 215

    @pytest.mark.parametrize("calls", [16, 64, 300])
    @in_virtual_time
    async def test_grows_so_that_one_reset_of_all_connections_loses_no_call(self, calls: int) -> None:
        began = asyncio.get_running_loop().time()

        async def server(request: httpx.Request) -> httpx.Response:
            first = asyncio.get_running_loop().time() < began + 0.1
            await asyncio.sleep(0.6)
            if first:
                raise httpx.ReadError("reset")
            return httpx.Response(200)

        once = RetryMiddleware()
        responses = await asyncio.gather(*(once(request(), server) for _ in range(calls)))
        assert {response.status_code for response in responses} == {200}
        assert once.budget.in_flight == 0

    @pytest.mark.parametrize("calls", [16, 64, 300])
    @in_virtual_time
    async def test_grows_to_less_than_two_requests_a_call_in_an_outage(self, calls: int) -> None:
        requests = 0

        async def server(request: httpx.Request) -> httpx.Response:
            nonlocal requests
            requests += 1
            await asyncio.sleep(0.1)
            raise httpx.ConnectError("refused")

        once = RetryMiddleware(RetryPolicy(max_attempts=10))
        for _ in range(3):
            before = requests
            await asyncio.gather(*(once(request(), server) for _ in range(calls)), return_exceptions=True)
            assert requests - before < 2 * calls
        assert requests < 3 * calls + max(calls, 16)

    async def test_that_is_spent_leaves_one_attempt(self) -> None:
        naps, server = Naps(), Server(503)
        await retry(naps=naps, budget=RetryBudget(0))(request(), server)
        assert (naps.taken, len(server.requests)) == ([], 1)

    async def test_that_others_spend_meanwhile_leaves_no_attempt_after_the_wait(self) -> None:
        budget, server = RetryBudget(1), Server(503)
        naps = Naps(budget.spend)
        assert (await retry(naps=naps, budget=budget)(request(), server)).status_code == 503
        assert (len(naps.taken), len(server.requests)) == (1, 1)

    async def test_that_others_fill_meanwhile_lets_the_retry_be(self) -> None:
        budget, server = RetryBudget(2), Server(503, 503, 200)
        budget.spend()
        naps = Naps(lambda: budget.refill(0))
        assert (await retry(naps=naps, budget=budget)(request(), server)).status_code == 200

    @pytest.mark.parametrize("outcome", [200, 404, 302, refused(404)], ids=repr)
    async def test_gets_back_what_a_call_took_and_one_more(self, outcome: Outcome) -> None:
        once = retry()
        for _ in range(10):
            once.budget.spend()
        try:
            await once(request(), Server(503, 503, outcome))
        except httpx.HTTPStatusError as error:
            assert error is outcome
        assert once.budget.left == 6

    @pytest.mark.parametrize("outcome", [501, 505, httpx.LocalProtocolError("x")], ids=repr)
    async def test_gets_nothing_back_after_another_failure(self, outcome: Outcome) -> None:
        once = retry()
        try:
            await once(request(), Server(503, 503, outcome))
        except httpx.LocalProtocolError as error:
            assert error is outcome
        assert once.budget.left == 13

    async def test_carries_through_a_short_disturbance(self) -> None:
        down = [503] * 10
        once, failed = retry(), 0
        for _ in range(1000):
            outcomes: list[Outcome] = [down.pop()] if down else []
            failed += (await once(request(), Server(*outcomes, 200))).status_code != 200
        assert (failed, once.budget.left) == (0, 15)

    async def test_may_be_shared(self) -> None:
        budget = RetryBudget(3)
        await retry(budget=budget)(request(), Server(503))
        await retry(budget=budget)(request(), Server(503))
        assert budget.left == 0


async def test_calls_know_nothing_of_each_other() -> None:
    once = retry(RetryPolicy(max_attempts=4))
    servers = [Server(503, 503, 503, 200) for _ in range(5)]
    answers = await asyncio.gather(*(once(request(), server) for server in servers))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert set(vars(once)) == {"policy", "budget", "_sleep", "_random"}


async def test_retries_are_logged_without_a_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await retry()(request(), Server(503, httpx.ReadError("gone"), 200))
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("plivo_async.retry", "INFO", "attempt 1 failed (HTTP 503), next in 0.50 s"),
        ("plivo_async.retry", "INFO", "attempt 2 failed (ReadError), next in 1.00 s"),
    ]


async def test_the_same_request_is_sent_again() -> None:
    sent, server = request(), Server(503)

    async def call_next(request: httpx.Request) -> httpx.Response:
        return await server(request)

    following: CallNext = call_next
    await retry()(sent, following)
    assert server.requests == [sent, sent, sent]


class HoldingSupervisor(Supervisor):
    """Holds after so many failed attempts."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.failures: list[PlivoError] = []

    @property
    def holds(self) -> bool:
        return len(self.failures) >= self.most

    def waits(self, state: CallState, delay: Callable[[], float] | None) -> None:
        raise AssertionError

    def goes_on(self, state: CallState) -> None:
        raise AssertionError

    def attempt_failed(self, error: PlivoError) -> None:
        self.failures.append(error)


def supervised(supervisor: Supervisor) -> httpx.Request:
    made = request()
    CallState(CallLimits(lane=supervisor)).attach(made)
    return made


class TestASupervisedCall:
    async def test_reports_each_failed_attempt(self) -> None:
        supervisor, server = HoldingSupervisor(most=9), Server(503, 502, 200)
        response = await retry()(supervised(supervisor), server)
        assert response.status_code == 200
        assert [failure.status for failure in supervisor.failures] == [503, 502]

    async def test_returns_at_once_while_its_supervisor_holds(self) -> None:
        server, naps = Server(503, 200), Naps()
        response = await retry(naps=naps)(supervised(HoldingSupervisor(most=1)), server)
        assert (response.status_code, len(server.requests), naps.taken) == (503, 1, [])

    async def test_returns_after_a_gap_in_which_its_supervisor_began_to_hold(self) -> None:
        supervisor, server = HoldingSupervisor(most=2), Server(503, 200)
        naps = Naps(then=lambda: supervisor.attempt_failed(ServerError("another call", status=503)))
        response = await retry(naps=naps)(supervised(supervisor), server)
        assert (response.status_code, len(server.requests), len(naps.taken)) == (503, 1, 1)

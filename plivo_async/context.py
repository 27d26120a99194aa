"""The context of one call, which its request carries: the limits that the caller set, and the progress."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from plivo_async._httpx import httpx
from plivo_async.errors import PlivoError
from plivo_async.exported import exported
from plivo_async.notes import CallNotes
from plivo_async.options import DEFAULT_MAX_BODY_BYTES
from plivo_async.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from plivo_async.lifetime import Session

_KEY = "plivo_async"


class Supervisor(ABC):
    """Whoever sends many calls: its calls report what holds them up. As a lane it supervises its calls."""

    @property
    @abstractmethod
    def holds(self) -> bool:
        """Whether a call that failed has to return at once, because the supervisor sends it again later."""

    @abstractmethod
    def waits(self, state: CallState, delay: Callable[[], float] | None) -> None:
        """Note that a call begins to wait for a permit; `delay` returns for how many seconds at least."""

    @abstractmethod
    def goes_on(self, state: CallState) -> None:
        """Note that a call has its permit, or waits no longer."""

    @abstractmethod
    def attempt_failed(self, error: PlivoError) -> None:
        """Note that an attempt failed which may be tried again."""


# Not frozen, which would double the time to make one.
@define
class CallLimits:
    """The limits that the caller set. Nobody changes them: they are replaced.

    Attributes:
        deadline: When the call has to be over, by the clock of the event loop; None for no deadline.
        retry: When to try again; None leaves it to the retry middleware.
        max_body: Bytes that the body of a response may have.
        call_uuid: The call that the request is about; None for another request.
        lane: The queue for the rate limit that it waits in.
        decode: Reads the body of a 200 within the attempt, because a damaged one is a failed attempt; None
            leaves the body alone.
    """

    deadline: float | None = None
    retry: RetryPolicy | None = None
    max_body: int = DEFAULT_MAX_BODY_BYTES
    call_uuid: str | None = None
    lane: object = None
    decode: Callable[[bytes], Any] | None = None


@define(eq=False)
class CallState:
    """The progress of one call. It lives in `request.extensions`, never on a client.

    Attributes:
        limits: The limits that the caller set.
        attempts: How many requests were sent.
        last_failure: The latest attempt that failed.
        retried_by: The outermost retry middleware; those inside it do not retry.
        decoded: The latest body that was read, and the value in it.
        is_counted: Whether a layer further out has counted the attempt that is under way.
        scope: Ends the call at its deadline.
        notes: Notes what happens.
        session: The session of the client that the call began in.
        unfinished_step: What a cancelled attempt was doing to open its connection.
    """

    limits: CallLimits = field(factory=CallLimits)
    attempts: int = 0
    last_failure: PlivoError | None = None
    retried_by: object = None
    decoded: tuple[bytes, Any] | None = field(default=None, repr=False)
    is_counted: bool = False
    scope: asyncio.Timeout | None = None
    notes: CallNotes = field(factory=CallNotes, repr=False)
    session: Session | None = field(default=None, repr=False)
    unfinished_step: str = ""

    @property
    def supervisor(self) -> Supervisor | None:
        """Whoever sent this call among others; None for a single call."""
        lane = self.limits.lane
        return lane if isinstance(lane, Supervisor) else None

    def attempt_failed(self, error: PlivoError) -> PlivoError:
        """Note the latest attempt that failed, and return its error."""
        error.call_uuid = self.limits.call_uuid
        self.last_failure = error
        return error

    def stop_clock(self, now: float) -> float | None:
        """Suspend the deadline; return the seconds that are left until it."""
        deadline = self.limits.deadline
        if deadline is None or self.scope is None or self.scope.when() != deadline:
            # There is none, or the client is being closed and has set another.
            return None
        self.limits = evolve(self.limits, deadline=None)
        self.scope.reschedule(None)
        return deadline - now

    def start_clock(self, left: float | None, now: float) -> None:
        """Resume the deadline that `stop_clock` suspended, unless the call has been ended meanwhile."""
        if left is None or self.scope is None or self.scope.expired():
            return
        self.limits = evolve(self.limits, deadline=now + left)
        if self.scope.when() is None:
            self.scope.reschedule(now + left)

    def expire(self, now: float) -> None:
        """End the call, as if its deadline were over."""
        if self.scope is not None and not self.scope.expired():
            self.scope.reschedule(now)

    @classmethod
    def find(cls, request: httpx.Request) -> CallState | None:
        """Return the state of a request; None for one that has none."""
        state: CallState | None = request.extensions.get(_KEY)
        return state

    @classmethod
    def attached_to(cls, request: httpx.Request) -> CallState:
        """Return the state of a request, and attach a new one first where it has none."""
        state: CallState | None = request.extensions.get(_KEY)
        if state is None:
            state = cls()
            state.attach(request)
        return state

    def attach(self, request: httpx.Request) -> None:
        """Make this the state of a request."""
        request.extensions[_KEY] = self

    @staticmethod
    def detach(request: httpx.Request) -> None:
        """Remove the state from a request."""
        request.extensions.pop(_KEY, None)

    @staticmethod
    def foreign_extensions(request: httpx.Request) -> dict[str, Any]:
        """Return the extensions of a request without its state."""
        return {name: value for name, value in request.extensions.items() if name != _KEY}

    def count_attempt(self) -> None:
        """Count a request that is about to be sent, unless a layer further out has counted it."""
        if not self.is_counted:
            self.attempts += 1


@exported
@frozen
class CallInfo:
    """The call that a request belongs to, for middleware and rate limiters to read.

    Comparisons ignore all but `call_uuid`, `deadline` and `attempts`.

    Attributes:
        call_uuid: The call UUID that the request is about; None for a request of another kind.
        deadline: When the call has to be over, in seconds of the clock of the event loop
            (`asyncio.get_running_loop().time()`); None for no deadline.
        attempts: How many requests were sent for the call so far.
        method: The HTTP method.
        route: The path as a template without account, number or identifier, such as `Call/{call_uuid}/`. It
            can be the label of a metric.
        permit_seconds: Seconds that the latest request waited for a permit of the rate limit.
        operation: The method of the client that sends the request, such as `calls.get` or `request`.
    """

    call_uuid: str | None = None
    deadline: float | None = None
    attempts: int = 0
    method: str = field(default="", eq=False)
    route: str = field(default="", eq=False)
    permit_seconds: float = field(default=0.0, eq=False)
    operation: str = field(default="", eq=False)

    @classmethod
    def of(cls, request: httpx.Request) -> CallInfo:
        """Return the present facts of the call that a request belongs to.

        Args:
            request: The request that middleware or a limiter receives. For a request without a call, all
                attributes have their defaults.
        """
        state = CallState.find(request)
        if state is None:
            return cls()
        limits, notes = state.limits, state.notes
        return cls(
            limits.call_uuid,
            limits.deadline,
            state.attempts,
            notes.method,
            notes.route,
            notes.permit_seconds,
            notes.operation,
        )

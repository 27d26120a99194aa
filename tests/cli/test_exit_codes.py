from __future__ import annotations

import itertools

import pytest

from plivo_async import errors
from plivo_async.cli.exit_codes import (
    EXIT_CODE_HELP,
    ExitCode,
    exit_code,
    overall,
)

_EXPECTED = [
    (errors.ConfigurationError("x"), ExitCode.FAILED),
    (errors.InvalidCallUUIDError("x"), ExitCode.FAILED),
    (errors.SyncTargetError("x"), ExitCode.FAILED),
    (errors.RetentionError("x"), ExitCode.FAILED),
    (errors.NotFoundError("x", status=404), ExitCode.FAILED),
    (errors.BadRequestError("x", status=400), ExitCode.FAILED),
    (errors.BadRequestError("x", status=408), ExitCode.SERVER),
    (errors.AuthenticationError("x", status=401), ExitCode.AUTHENTICATION),
    (errors.PermissionDeniedError("x", status=403), ExitCode.AUTHENTICATION),
    (errors.RateLimitError("x", status=429), ExitCode.RATE_LIMIT),
    (errors.DeadlineExceededError("x", status=429), ExitCode.RATE_LIMIT),
    (errors.RateLimitTimeoutError("x", status=429), ExitCode.RATE_LIMIT),
    (errors.DeadlineExceededError("x", status=503), ExitCode.SERVER),
    (errors.DeadlineExceededError("x"), ExitCode.SERVER),
    (errors.PatienceExceededError("x"), ExitCode.RATE_LIMIT),
    (errors.PatienceExceededError("x", status=429), ExitCode.RATE_LIMIT),
    (errors.RequestTimeoutError("x"), ExitCode.SERVER),
    (errors.NetworkError("x"), ExitCode.SERVER),
    (errors.TLSError("x"), ExitCode.SERVER),
    (errors.ServerError("x", status=500), ExitCode.SERVER),
    (errors.RedirectError("x", status=302), ExitCode.SERVER),
    (errors.UnexpectedStatusError("x", status=204), ExitCode.SERVER),
    (errors.DecodeError("x"), ExitCode.SERVER),
    (errors.RecordMismatchError("x"), ExitCode.SERVER),
    (errors.ResponseTooLargeError("x"), ExitCode.SERVER),
    (errors.ClientClosedError("x"), ExitCode.SERVER),
    (errors.LimiterUnavailableError("x"), ExitCode.SERVER),
    (errors.SignatureError("x"), ExitCode.SERVER),
]


@pytest.mark.parametrize(("error", "code"), _EXPECTED, ids=repr)
def test_each_error_has_its_exit_code(error: errors.PlivoError, code: ExitCode) -> None:
    assert exit_code(error) is code


def test_patience_that_an_outage_ended_has_the_code_of_the_server() -> None:
    error = errors.PatienceExceededError("x")
    error.__cause__ = errors.NetworkError("refused")
    assert exit_code(error) is ExitCode.SERVER


def test_every_error_type_is_in_the_table() -> None:
    types = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PlivoError)
    }
    concrete = {kind for kind in types if not kind.__subclasses__()}

    assert concrete <= {type(error) for error, _ in _EXPECTED}


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], ExitCode.OK),
        ([ExitCode.FAILED], ExitCode.FAILED),
        ([ExitCode.FAILED, ExitCode.SERVER], ExitCode.SERVER),
        ([ExitCode.FAILED, ExitCode.RATE_LIMIT, ExitCode.SERVER], ExitCode.RATE_LIMIT),
        (
            [ExitCode.RATE_LIMIT, ExitCode.FAILED, ExitCode.SERVER, ExitCode.AUTHENTICATION],
            ExitCode.AUTHENTICATION,
        ),
    ],
)
def test_the_cause_that_affects_most_calls_decides_the_exit_code(
    codes: list[ExitCode], code: ExitCode
) -> None:
    assert {overall(order) for order in itertools.permutations(codes)} == {code}


@pytest.mark.parametrize("code", ExitCode)
def test_the_help_explains_every_exit_code(code: ExitCode) -> None:
    assert str(int(code)) in EXIT_CODE_HELP

"""The option --ca-file: a file with the CAs to trust."""

from __future__ import annotations

import ssl

import click
from attrs import field, frozen


@frozen
class CAFile:
    """A file with CAs.

    Attributes:
        path: As it was given.
        context: Trusts these CAs, and no other.
    """

    path: str
    context: ssl.SSLContext = field(repr=False)


def _read(context: click.Context, parameter: click.Parameter, path: str | None) -> CAFile | None:
    """Read the file at once: later, every call would fail for it.

    Raises:
        BadParameter: There is no CA in it.
    """
    if path is None:
        return None
    if not path:
        # Python would trust its own CAs.
        raise click.BadParameter("the name of the file is empty", context, parameter)
    try:
        trusting = ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        problem = f"{path} has no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
        raise click.BadParameter(problem, context, parameter) from None
    except (OSError, ValueError) as error:
        problem = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        raise click.BadParameter(problem, context, parameter) from None
    # Python 3.13 insists on rules of RFC 5280 that many companies' CAs break, and a command has no other way
    # to trust one of these.
    trusting.verify_flags &= ~ssl.VERIFY_X509_STRICT
    trusting.set_alpn_protocols(["http/1.1"])
    return CAFile(path, trusting)


ca_file_option = click.option(
    "--ca-file",
    metavar="FILE",
    type=click.Path(),
    callback=_read,
    help="A file with the CAs to trust, in PEM form, for example the CA of a company's proxy.  "
    "[default: SSL_CERT_FILE and SSL_CERT_DIR, or certifi]",
)

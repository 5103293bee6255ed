"""Certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator

from vsmtp.config.models.section import Section
from vsmtp.config.models.types import DomainName, KeyPlace, Listed, TreePath, choice, refusal, text_of

TlsVersion: TypeAlias = Literal["1.2", "1.3"]


class Certificate(Section):
    """A certificate and its key."""

    certificate: TreePath
    """The certificate and those that lead to its root, in PEM, the server's own first."""
    private_key: KeyPlace
    """Its key: `{ file = "..." }` or `{ credential = "..." }`."""


def _cipher(value: object) -> str:
    written = text_of(value, "the name of a cipher suite in quotes")
    import ssl  # noqa: PLC0415 5 ms that most trees need not pay here

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    remedy = "`openssl ciphers -v -tls1_2` lists them; those of TLS 1.3 are always offered"
    if not written.replace("-", "").replace("_", "").isalnum():  # `ALL` and `!aNULL` are lists
        raise refusal("bad-cipher", f"`{written}` is no name of a cipher suite", remedy)
    try:
        context.set_ciphers(written)
    except ssl.SSLError:
        raise refusal("bad-cipher", f"OpenSSL does not know `{written}`", remedy) from None
    if written not in {cipher["name"] for cipher in context.get_ciphers()} or written.startswith("TLS_"):
        raise refusal("bad-cipher", f"`{written}` is no suite of TLS 1.2", remedy)
    return written


class Tls(Section):
    """The server's certificates. Files that change are read anew within seconds; sessions go on meanwhile."""

    certificate: TreePath | None = None
    """The certificate and those that lead to its root, in PEM, the server's own first."""
    private_key: KeyPlace | None = None
    """Its key: `{ file = "..." }` or `{ credential = "..." }`."""
    min_version: Annotated[TlsVersion, choice(TlsVersion)] = "1.2"
    """The oldest version of TLS that is spoken."""
    ciphers: Listed[Annotated[str, BeforeValidator(_cipher)]] = ()
    """The cipher suites of TLS 1.2 that are spoken, by OpenSSL's names, best first. Default: OpenSSL's own
    choice. Those of TLS 1.3 are always spoken."""
    client_ca: TreePath | None = None
    """The authorities that vouch for certificates of clients, in PEM."""
    sni: Mapping[DomainName, Certificate] = {}
    """Other certificates, by the name that a client asks for: `[tls.sni."mail.example.net"]`."""

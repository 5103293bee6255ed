"""Certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from vsmtp.config.models.section import Section
from vsmtp.config.models.types import DomainName, KeyPlace, TreePath, choice

TlsVersion: TypeAlias = Literal["1.2", "1.3"]


class Certificate(Section):
    """A certificate and its key."""

    certificate: TreePath
    """The certificate and those that lead to its root, in PEM, the server's own first."""
    private_key: KeyPlace
    """Its key: `{ file = "..." }` or `{ credential = "..." }`."""


class Tls(Section):
    """The server's certificates. They are checked; the listeners of this release do not offer TLS yet."""

    certificate: TreePath | None = None
    """The certificate and those that lead to its root, in PEM, the server's own first."""
    private_key: KeyPlace | None = None
    """Its key: `{ file = "..." }` or `{ credential = "..." }`."""
    min_version: Annotated[TlsVersion, choice(TlsVersion)] = "1.2"
    """The oldest version of TLS that is spoken."""
    sni: Mapping[DomainName, Certificate] = {}
    """Other certificates, by the name that a client asks for: `[tls.sni."mail.example.net"]`."""

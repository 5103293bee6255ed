"""Certificates for tests, made by openssl: an authority, servers and clients that it vouches for."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.peers.programs import needs

_DAYS: Final = "30"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: Path
    key: Path


def _openssl(*words: str | Path) -> None:
    subprocess.run([needs("openssl"), *map(str, words)], check=True, capture_output=True)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="vsmtp-certificates-")


@functools.cache
def authority(name: str = "ca.test") -> Pair:
    """The authority's own certificate."""
    folder = Path(_folder().name)
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", _DAYS,
        "-subj", f"/CN={name}", "-keyout", pair.key, "-out", pair.certificate,
    )  # fmt: skip
    return pair


@functools.cache
def certified(name: str, *, serial: int = 1, rsa: bool = False) -> Pair:
    """A certificate for `name`; another one for each `serial`."""
    folder = Path(_folder().name)
    base = folder / f"{name}-{serial}-{rsa}"
    pair = Pair(base.with_suffix(".crt.pem"), base.with_suffix(".key.pem"))
    request, extensions = base.with_suffix(".csr"), base.with_suffix(".ext")
    extensions.write_text(f"subjectAltName=DNS:{name}\n")
    kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    _openssl("req", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", pair.key, "-out", request)
    above = authority()
    _openssl(
        "x509", "-req", "-in", request, "-CA", above.certificate, "-CAkey", above.key, "-days", _DAYS,
        "-set_serial", str(serial), "-extfile", extensions, "-out", pair.certificate,
    )  # fmt: skip
    return pair


def tls_section(pair: Pair) -> str:
    """The tree's `[tls]` for a certificate."""
    return f'[tls]\ncertificate = "{pair.certificate}"\nprivate_key = {{ file = "{pair.key}" }}\n'

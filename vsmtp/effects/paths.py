"""Paths with facts in them: the one encoder through which a fact's text gets into a file's name.

A text that a client chose stays within the one name it stands in: `/`, `%`, control characters and a leading
dot are written `%2F`, which keeps different texts apart. A name that would be too long for a file system is
cut and ends in a digest of all of it.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from vsmtp.effects.unfit import Unfit
from vsmtp.rules.template import Template, one_line, render_text
from vsmtp.vocabulary.answers import Facts

# Octets of one name; file systems allow 255, and an export may get a number behind it.
MAX_NAME: Final = 200
MAX_PATH: Final = 2_000
_UNSAFE: Final = re.compile(r"[/%\x00-\x1f\x7f\\]|^\.")
_DIGEST: Final = 8


def render_path(template: Template, facts: Facts) -> str | Unfit:
    """The path; what is fixed in it parts it into names, what facts say does not.

    A path that a table's row begins with, such as a home, is the administrator's own: it is taken as it is,
    if it is absolute and does not climb.
    """
    parts = list(template.parts)
    start = ""
    if parts and not isinstance(parts[0], str) and parts[0].fact.startswith("lookup:"):
        start = render_text(Template((parts.pop(0),)), facts)
        if not start.startswith("/"):
            return Unfit(f"`{start}` is not an absolute path")
    rest = (
        part if isinstance(part, str) else encode(render_text(Template((part,)), facts)) for part in parts
    )
    return _checked(start + "".join(rest))


def encode(text: str) -> str:
    """The text as part of a file's name."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", one_line(text))


def _checked(path: str) -> str | Unfit:
    names = path.split("/")
    if ".." in names or "." in names:
        return Unfit(f"`{path}` climbs")
    if not path.strip("/") or path.endswith("/"):
        return Unfit(f"`{path}` ends in no name")
    short = "/".join(_shortened(name) for name in names)
    return short if len(short.encode()) <= MAX_PATH else Unfit("the path is too long")


def _shortened(name: str) -> str:
    octets = name.encode()
    if len(octets) <= MAX_NAME:
        return name
    digest = blake2b(octets, digest_size=_DIGEST).hexdigest()
    return octets[: MAX_NAME - len(digest) - 1].decode(errors="ignore") + f"~{digest}"

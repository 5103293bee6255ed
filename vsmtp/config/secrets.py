"""Reading a secret from the place that the tree names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, assert_never

from vsmtp.config.models.types import SecretSource
from vsmtp.values.answer import Found, Unavailable
from vsmtp.values.secret import Secret

# More than any password or key; a wrong path must not fill the memory.
_MAX_OCTETS: Final = 64 * 1024


def reveal(source: SecretSource, environment: Mapping[str, str]) -> Found[Secret] | Unavailable:
    """The secret, without the line end that editors put behind it, or why it cannot be had."""
    match source.kind:
        case "value":
            return Found(source.value or Secret(""))
        case "env":
            value = environment.get(source.text)
            return (
                Unavailable(f"`{source.text}` is not in the environment")
                if value is None
                else Found(Secret(value))
            )
        case "file" | "credential":
            path = secret_path(source, environment)
            return path if isinstance(path, Unavailable) else _from_file(path)
        case _:
            assert_never(source.kind)


def secret_path(source: SecretSource, environment: Mapping[str, str]) -> Path | Unavailable:
    """The file of a secret of kind `file` or `credential` (systemd's `CREDENTIALS_DIRECTORY`)."""
    if source.kind == "file":
        return Path(source.text)
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if not directory:
        return Unavailable("systemd gave this process no credentials")
    return Path(directory) / Path(source.text).name


def _from_file(path: Path) -> Found[Secret] | Unavailable:
    try:
        with path.open("rb") as file:
            octets = file.read(_MAX_OCTETS + 1)
        text = octets.decode()
    except OSError as error:
        return Unavailable(f"`{path}` cannot be read: {error.strerror or error}")
    except UnicodeDecodeError:
        return Unavailable(f"`{path}` is not text")
    if len(octets) > _MAX_OCTETS:
        return Unavailable(f"`{path}` is too large for a secret")
    return Found(Secret(text.removesuffix("\n").removesuffix("\r")))

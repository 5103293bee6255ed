"""The back end that asks Cyrus' saslauthd on its Unix socket, and by it PAM.

A question is four texts, user, password, service and realm, each behind its length in two octets; the answer
is one, and begins with `OK` or `NO`.
"""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter, open_unix_connection, timeout
from typing import Final

from vsmtp.auth.backends import DENIED, Judged
from vsmtp.auth.exchange import Granted
from vsmtp.values.answer import Unavailable
from vsmtp.values.secret import Secret

_LENGTH: Final = 2
_SERVICE: Final = "smtp"


class SaslauthdBackend:
    """Passwords judged by the saslauthd behind `path`, within `limit` seconds.

    A user of `default_domain` is asked for by the local part alone, as PAM knows it; another's name is the
    whole address, so that nobody of another domain is taken for a user of this machine.
    """

    def __init__(self, path: str, limit: float, default_domain: str) -> None:
        self._path = path
        self._limit = limit
        self._suffix = f"@{default_domain}".casefold()

    async def check(self, user: str, password: Secret) -> Judged:
        """What saslauthd says."""
        name = user[: -len(self._suffix)] if user.casefold().endswith(self._suffix) else user
        if not name:
            return DENIED
        try:
            async with timeout(self._limit):
                reader, writer = await open_unix_connection(self._path)
                try:
                    answer = await _ask(reader, writer, (name, password.text, _SERVICE, ""))
                finally:
                    writer.close()
        except TimeoutError:
            return Unavailable(f"saslauthd did not answer within {self._limit:g} s")
        except (OSError, EOFError) as error:
            return Unavailable(f"saslauthd cannot be asked: {error}")
        match answer[:2]:
            case "OK":
                return Granted(user)
            case "NO":
                return DENIED
            case _:
                return Unavailable("saslauthd says neither yes nor no")


async def _ask(reader: StreamReader, writer: StreamWriter, texts: tuple[str, ...]) -> str:
    octets = [text.encode() for text in texts]
    writer.write(b"".join(len(part).to_bytes(_LENGTH, "big") + part for part in octets))
    length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
    return (await reader.readexactly(length)).decode("utf-8", "replace")

"""Who knows whose password is right: the seam between logins and tables, Dovecot, saslauthd."""

from __future__ import annotations

from typing import Final, Protocol, TypeAlias, runtime_checkable

from vsmtp.auth.exchange import Denied, Granted
from vsmtp.auth.scram import ScramKeys
from vsmtp.values.answer import Found, Missing, Unavailable
from vsmtp.values.secret import Secret

Judged: TypeAlias = Granted | Denied | Unavailable
DENIED: Final = Denied()


class Backend(Protocol):
    """Whoever can be asked whether a password is the user's."""

    async def check(self, user: str, password: Secret) -> Judged:
        """The judgement, within the back end's time limit; as slow for users that do not exist.

        `Denied` is said only by a back end that was asked and said no: a broken one is `Unavailable`.
        """


@runtime_checkable
class Vault(Backend, Protocol):
    """A back end that keeps the secrets themselves, so that challenges can be made of them."""

    async def clear(self, user: str) -> Found[Secret] | Missing | Unavailable:
        """The password itself; `Missing` for an unknown user, `Unavailable` where it is not kept in clear."""

    async def scram(self, user: str) -> Found[ScramKeys] | Unavailable:
        """The keys of SCRAM-SHA-256; of an unknown user a decoy's, the same each time."""

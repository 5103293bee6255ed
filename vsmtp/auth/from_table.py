"""The back end that has its secrets from a table: user names are keys, and one column is the secret."""

from __future__ import annotations

from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Final, TypeVar

from vsmtp.auth.backends import DENIED, Judged
from vsmtp.auth.exchange import Granted
from vsmtp.auth.scram import ITERATIONS, ScramKeys, decoy_keys, decoy_salt, write_keys
from vsmtp.auth.secrets import Unusable, clear_secret, scram_keys, verify
from vsmtp.tables.contract import PASSWORD, VALUE, Row, Table
from vsmtp.values.answer import MISSING, Found, Missing, Unavailable
from vsmtp.values.secret import Secret

T = TypeVar("T")

# Hashes that wait for a thread; more will not be done before their clients lose patience.
MAX_WAITING: Final = 64


class TableBackend:
    """Passwords judged by the secrets of a table, in the threads of `pool`.

    `pepper` is 16 random octets or more that stay the same as long as the process: decoys are made of them.
    """

    def __init__(self, table: Table, pool: Executor, pepper: bytes) -> None:
        self._table = table
        self._pool = pool
        self._pepper = pepper
        self._waiting = 0
        # An unknown user's password is compared with the secret that was seen last, and denied whatever
        # comes out: that takes as long as a known user's, in the scheme and at the cost that are in use.
        self._usual = "{SCRAM-SHA-256}" + write_keys(decoy_keys("", pepper, ITERATIONS))
        self._iterations = ITERATIONS

    async def check(self, user: str, password: Secret) -> Judged:
        """The judgement; a secret that cannot be judged by is `Unavailable`."""
        known = await self._secret(user)
        if isinstance(known, Unavailable):
            return known
        if isinstance(known, Found):
            self._usual = known.value.text
        match await self._off_loop(partial(verify, self._usual, password.text)):
            case Unavailable() as unavailable:
                return unavailable
            case Unusable(reason) if isinstance(known, Found):
                return Unavailable(f"the secret of `{user}` cannot be used: {reason}")
            case right:
                return Granted(user) if right is True and isinstance(known, Found) else DENIED

    async def clear(self, user: str) -> Found[Secret] | Missing | Unavailable:
        """The password itself, where the table has it in clear."""
        known = await self._secret(user)
        if not isinstance(known, Found):
            return known
        clear = clear_secret(known.value.text)
        if isinstance(clear, Unusable):
            return Unavailable(f"the secret of `{user}` cannot be used: {clear.reason}")
        return Found(Secret(clear))

    async def scram(self, user: str) -> Found[ScramKeys] | Unavailable:
        """The keys of SCRAM-SHA-256, kept as such or made of a clear secret; or a decoy's."""
        known = await self._secret(user)
        if isinstance(known, Unavailable):
            return known
        if isinstance(known, Missing):
            return Found(decoy_keys(user, self._pepper, self._iterations))
        salt = decoy_salt(user, self._pepper)
        keys = await self._off_loop(partial(scram_keys, known.value.text, salt))
        match keys:
            case ScramKeys():
                self._iterations = keys.iterations
                return Found(keys)
            case Unusable(reason):
                return Unavailable(f"the secret of `{user}` cannot be used: {reason}")
            case Unavailable():
                return keys

    async def _secret(self, user: str) -> Found[Secret] | Missing | Unavailable:
        match await self._table.find(user):
            case Found(row):
                secret = secret_of(row)
                return Unavailable(f"the row of `{user}` has no secret") if secret is None else Found(secret)
            case Missing():
                return MISSING
            case Unavailable() as unavailable:
                return unavailable

    async def _off_loop(self, job: Callable[[], T]) -> T | Unavailable:
        if self._waiting >= MAX_WAITING:
            return Unavailable("too many passwords wait to be verified")
        self._waiting += 1
        try:
            return await wrap_future(self._pool.submit(job))
        finally:
            self._waiting -= 1


def secret_of(row: Row) -> Secret | None:
    """The first cell of type `secret`, else the text in the column `password`, or `value`."""
    for cell in row.values():
        if isinstance(cell, Secret):
            return cell
    text = row.get(PASSWORD, row.get(VALUE))
    return Secret(text) if isinstance(text, str) else None

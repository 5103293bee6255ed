"""One login: drives a mechanism, fetching from the back end what it wants."""

from __future__ import annotations

from typing import TypeAlias

from vsmtp.auth.backends import Backend, Vault
from vsmtp.auth.exchange import (
    Challenge,
    Check,
    ClearSecret,
    Exchange,
    Failure,
    Granted,
    ScramSecret,
    Step,
    Success,
    Told,
    Wants,
)
from vsmtp.auth.mechanisms import Setting, begin
from vsmtp.values.answer import Unavailable

Reached: TypeAlias = Challenge | Success | Failure


class Login:
    """An exchange with a client; `mechanism` is in `MECHANISMS`.

    A user without a domain is one of `default_domain`, if there is any. After `Success` or `Failure` nothing
    may follow.
    """

    def __init__(self, backend: Backend, mechanism: str, setting: Setting, default_domain: str = "") -> None:
        self._backend = backend
        self._mechanism = mechanism
        self._setting = setting
        self._domain = default_domain
        self._exchange: Exchange | None = None

    async def start(self, initial: bytes | None) -> Reached:
        """The answer to the AUTH command; `initial` is None where no response came with it."""
        self._exchange = begin(self._mechanism, initial, self._setting)
        return await self._reach(self._exchange, self._exchange.start())

    async def step(self, response: bytes) -> Reached:
        """The answer to what the client said to a challenge, base64 undone."""
        assert self._exchange is not None
        return await self._reach(self._exchange, self._exchange.step(response))

    async def _reach(self, exchange: Exchange, step: Step) -> Reached:
        while isinstance(step, Wants):
            step = exchange.told(await self._fetch(step))
        return Success(self._full(step.user)) if isinstance(step, Success) else step

    async def _fetch(self, want: Wants) -> Told:
        user = self._full(want.user)
        match want:
            case Check(password=password):
                judged = await self._backend.check(user, password)
                return Granted(self._full(judged.user)) if isinstance(judged, Granted) else judged
            case ClearSecret() if isinstance(self._backend, Vault):
                return await self._backend.clear(user)
            case ScramSecret() if isinstance(self._backend, Vault):
                return await self._backend.scram(user)
            case _:
                return Unavailable("this back end tells no secrets")

    def _full(self, user: str) -> str:
        return f"{user}@{self._domain}" if self._domain and "@" not in user else user

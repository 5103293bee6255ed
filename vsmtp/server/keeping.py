"""Quarantines as the settings want them: what has lain too long is removed, and news are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vsmtp.config.models.quarantines import Quarantine
from vsmtp.effects.notices import Notice
from vsmtp.queue.committer import Committer
from vsmtp.queue.records import QUARANTINE, Change, Result, StoredMessage
from vsmtp.server.works import Post
from vsmtp.values.address import Address

LOOK_EVERY: Final = 600.0
AT_ONCE: Final = 100
MOST: Final = 100_000
# So many messages are listed in one notice; the rest is counted.
LISTED: Final = 50


@dataclass(frozen=True, slots=True)
class Keeper:
    """Looks after quarantines; `shards` gives those of this worker, notices go by `post`.

    `clock` gives seconds since the epoch.
    """

    quarantines: Mapping[str, Quarantine]
    shards: Callable[[], Sequence[Committer]]
    post: Post
    clock: Callable[[], float]

    async def run(self) -> None:
        """Look now and then, for ever. What came in while nobody looked is not told of again."""
        last = self.clock()
        while self.quarantines:
            await asyncio.sleep(LOOK_EVERY)
            now = self.clock()
            await self.look(last, now)
            last = now

    async def look(self, last: float, now: float) -> None:
        """Remove what is too old at `now`, and tell of what has come in since `last`."""
        for name, quarantine in self.quarantines.items():
            if quarantine.keep is not None:
                for shard in self.shards():
                    await self._empty(shard, name, now - quarantine.keep)
            if quarantine.notify is not None:
                news = [one for shard in self.shards() for one in await self._since(shard, name, last, now)]
                if news:
                    self._tell(name, Address.parse(quarantine.notify), news)

    async def _empty(self, shard: Committer, name: str, before: float) -> None:
        while numbers := await shard.held(f"{QUARANTINE}{name}", 0.0, before, AT_ONCE):
            done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            shard.submit(Change(removed=tuple(numbers)), done.set_result)
            await done

    async def _since(self, shard: Committer, name: str, last: float, now: float) -> list[str]:
        """A line for each message that came into the quarantine."""
        numbers = await shard.held(f"{QUARANTINE}{name}", last, now, MOST)
        lines: list[str] = []
        for start in range(0, len(numbers), AT_ONCE):
            found = await shard.read(numbers[start : start + AT_ONCE])
            lines += [_line(shard.name(message.number), message) for message in found]
        return lines

    def _tell(self, name: str, to: Address, news: Sequence[str]) -> None:
        count = f"{len(news)} message{'' if len(news) == 1 else 's'}"
        rest = [f"... and {len(news) - LISTED} more"] if len(news) > LISTED else []
        text = "\r\n".join(
            [
                f"{count} came into the quarantine `{name}`.",
                "",
                *news[:LISTED],
                *rest,
                "",
                "`vsmtp queue show ID` shows a message, `vsmtp queue release ID` lets it go.",
            ]
        )
        self.post.send(self.post.message(Notice(to, f"{count} in quarantine {name}", text), ""))


def _line(name: str, message: StoredMessage) -> str:
    to = ", ".join(f"<{one.address}>" for one in message.recipients)
    return f"{name}  from <{message.sender}> to {to}"

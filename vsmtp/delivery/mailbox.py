"""Where a recipient's Maildir is: a path template such as `{home}/Maildir` or `/srv/mail/{rcpt.local}`."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from vsmtp.delivery.consignment import Folder
from vsmtp.values.address import Address
from vsmtp.values.outcome import Deferred, Failed
from vsmtp.values.reply import Reply

_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}\0]")
_OF_SYSTEM_USERS: Final = frozenset({"home", "user"})
_NAMES: Final = _OF_SYSTEM_USERS | {"rcpt.local", "rcpt.domain", "rcpt.address"}
_UNSAFE: Final = re.compile(r"[/\x00-\x1f\x7f]|^\.|^$")
_MAX_NAME: Final = 255  # octets of a file name
_REMEMBERED: Final = 10_000
_FRESH: Final = 60.0

# The home of a user; raises LookupError where there is no such user, OSError where one cannot know.
Homes: TypeAlias = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A Maildir's absolute path, and the part of it that is never made by us."""

    path: str
    root: str


@dataclass(frozen=True, slots=True)
class Template:
    """A Maildir's path in pieces: text, and names such as `home` in every second place."""

    pieces: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a path with `{home}`, `{user}`, `{rcpt.local}`, `{rcpt.domain}`, `{rcpt.address}` in it.

        `{{` and `}}` are braces themselves. Raises ValueError with a reason.
        """
        pieces, at = [""], 0
        for match in _PLACEHOLDER.finditer(text):
            pieces[-1] += text[at : match.start()]
            at = match.end()
            if match[0] in ("{{", "}}"):
                pieces[-1] += match[0][0]
            elif match[1] in _NAMES:
                pieces += [match[1], ""]
            else:
                raise ValueError(f"`{match[0]}` has no meaning in a Maildir's path")
        pieces[-1] += text[at:]
        if not (pieces[0].startswith("/") or (not pieces[0] and pieces[1:2] == ["home"])):
            raise ValueError("a Maildir's path is absolute or begins with `{home}`")
        return cls(tuple(pieces))

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are to be filled in, in their order."""
        return self.pieces[1::2]

    @property
    def needs_system_user(self) -> bool:
        """Whether the recipient must be a user of the system."""
        return not _OF_SYSTEM_USERS.isdisjoint(self.names)

    def fill(self, recipient: Address, local: str, home: str) -> Mailbox:
        """The Maildir of `local` (no tag); raises ValueError where a part would break out of the path."""
        domain = recipient.domain.casefold()
        values = {
            "user": local,
            "rcpt.local": local,
            "rcpt.domain": domain,
            "rcpt.address": f"{local}@{domain}",
        }
        for name in self.names:
            if name != "home" and not _is_safe(values[name]):
                raise ValueError("the address is not fit for a directory's name")
        values["home"] = home
        pieces = [values[piece] if at % 2 else piece for at, piece in enumerate(self.pieces)]
        root = home if not self.pieces[0] else "/"
        return Mailbox(os.path.normpath("".join(pieces)), os.path.normpath(root))


class Mailboxes:
    """Finds the Maildirs of recipients; remembers the homes of users for a minute."""

    def __init__(self, template: Template, delimiter: str = "", homes: Homes | None = None) -> None:
        self._template = template
        self._delimiter = delimiter
        self._homes = homes or system_home
        self._known: dict[str, tuple[float, str]] = {}
        self._filled: dict[Address, Mailbox] = {}

    async def find(self, recipient: Address, folder: Folder | None = None) -> Mailbox | Deferred | Failed:
        """The recipient's Maildir, or the `folder` that a rule chose; or why there is none."""
        if folder is not None:
            return await self._chosen(recipient, folder)
        filled = self._filled.get(recipient)
        if filled is not None:
            return filled
        local = self._untagged(recipient.local.casefold())
        home = await self._home_of(recipient) if self._template.needs_system_user else ""
        if not isinstance(home, str):
            return home
        try:
            mailbox = self._template.fill(recipient, local, home)
        except ValueError as reason:
            return Failed("", Reply(550, "5.1.3", str(reason)))
        if not self._template.needs_system_user:
            self._remember(recipient, mailbox)
        return mailbox

    async def _chosen(self, recipient: Address, folder: Folder) -> Mailbox | Deferred | Failed:
        home = await self._home_of(recipient) if folder.in_home else "/"
        if not isinstance(home, str):
            return home
        return _below(home, folder.path)

    async def _home_of(self, recipient: Address) -> str | Deferred | Failed:
        """The home of the recipient's system user, or why it cannot be told."""
        try:
            return await self._home(self._untagged(recipient.local.casefold()))
        except LookupError:
            return Failed("", Reply(550, "5.1.1", f"no such user here: {recipient}"))
        except OSError as fault:
            return Deferred("", Reply(451, "4.3.0", f"the users of the system are unavailable: {fault}"))

    def _remember(self, recipient: Address, mailbox: Mailbox) -> None:
        """Keep what can never change: a path that no user of the system is part of."""
        if len(self._filled) >= _REMEMBERED:
            self._filled.clear()
        self._filled[recipient] = mailbox

    def _untagged(self, local: str) -> str:
        if not self._delimiter:
            return local
        name, _, _ = local.partition(self._delimiter)
        return name or local

    async def _home(self, user: str) -> str:
        now = asyncio.get_running_loop().time()
        at, home = self._known.get(user, (0.0, ""))
        if home and now - at < _FRESH:
            return home
        # The name service may ask LDAP: never on the loop.
        home = await asyncio.to_thread(self._homes, user)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[user] = (now, home)
        return home


def _below(home: str, path: str) -> Mailbox:
    # A leading `//` means something to POSIX, `///` does not.
    return Mailbox(os.path.normpath(f"{home}//{path}"), os.path.normpath(home))


def system_home(user: str) -> str:
    """The home of a user of the system; raises LookupError. A failing name service looks the same to pwd."""
    if not _is_safe(user):
        raise LookupError(user)
    home = pwd.getpwnam(user).pw_dir
    if not Path(home).is_absolute() or home == "/":
        raise LookupError(user)
    return home


def _is_safe(part: str) -> bool:
    return _UNSAFE.search(part) is None and len(os.fsencode(part)) <= _MAX_NAME

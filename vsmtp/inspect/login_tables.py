"""Tables of logins and of what is theirs, whose columns say neither: `missing-column`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vsmtp.config.models.settings import Settings
from vsmtp.facts.owners import ADDRESSES
from vsmtp.tables.contract import PASSWORD, VALUE
from vsmtp.tables.kinds import traits
from vsmtp.values.diagnostic import Fault
from vsmtp.vocabulary.types import Type


def missing_columns(settings: Settings) -> Iterator[Fault]:
    """A fault for each that every login would find out; tables that are not there are told of elsewhere."""
    auth = settings.auth
    known = traits(settings.tables)
    users = auth.users if auth.backend.kind == "table" else None
    owners = auth.owners
    if users is not None and users in known and not _has_secret(known[users].columns):
        message = f"no column of `@{users}` is a secret"
        remedy = f"give one the type `secret`, or call it `{PASSWORD}`"
        yield Fault(("auth", "users"), "missing-column", message, remedy)
    if owners is not None and owners in known and not _is_text(known[owners].columns, ADDRESSES):
        message = f"`@{owners}` has neither a column `{ADDRESSES}` nor `{VALUE}`"
        yield Fault(
            ("auth", "owners"), "missing-column", message, f"call the text that has them `{ADDRESSES}`"
        )


def _has_secret(columns: Mapping[str, Type]) -> bool:
    return Type.SECRET in columns.values() or _is_text(columns, PASSWORD)


def _is_text(columns: Mapping[str, Type], name: str) -> bool:
    """Whether the column of that name, or else `value`, is a text."""
    return columns.get(name, columns.get(VALUE)) is Type.TEXT

"""A table of logins that no login can be judged by is told of before anybody tries one."""

from __future__ import annotations

import pytest
import tomli

from vsmtp.config.models.settings import Settings
from vsmtp.inspect.login_tables import missing_columns

TREE = """
[server]
name = "mx.test"
[auth]
{key} = "@people"
[tables.people]
type = "inline"
{table}
"""


def faults(key: str, table: str) -> list[str]:
    settings = Settings.model_validate(tomli.loads(TREE.format(key=key, table=table)))
    return [fault.message for fault in missing_columns(settings)]


@pytest.mark.parametrize(
    "table",
    [
        'entries = { ann = "{PLAIN}x" }',
        'columns = { pass = "secret" }\nentries = { ann = { pass = "x" } }',
        'columns = { password = "text", room = "number" }\nentries = { ann = { password = "x", room = 1 } }',
    ],
)
def test_a_table_with_secrets_will_do(table: str) -> None:
    assert faults("users", table) == []


ROOMS = 'columns = { room = "number" }\nentries = { ann = { room = 1 } }'


def test_a_table_without_secrets_or_addresses_is_told_of() -> None:
    assert faults("users", ROOMS) == ["no column of `@people` is a secret"]
    assert faults("owners", ROOMS) == ["`@people` has neither a column `addresses` nor `value`"]

"""`vsmtp passwd`: make a secret from a password, and print it or write it into a table."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from getpass import getpass
from time import time

from vsmtp.auth.secrets import DEFAULT_SCHEME, MAKERS, make_secret
from vsmtp.cli.host import RELEASE, add_tree_option, own_name
from vsmtp.cli.render import render
from vsmtp.config.load import Tree, read_tree
from vsmtp.config.models.settings import Settings
from vsmtp.tables.contract import PASSWORD, VALUE, Row, Writable
from vsmtp.tables.kinds import traits
from vsmtp.tables.opening import Surroundings, open_tables
from vsmtp.values.answer import Found, Missing, Unavailable
from vsmtp.values.secret import Secret
from vsmtp.vocabulary.types import Type

DONE = 0
FAILED = 1


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command."""
    add_tree_option(parser)
    parser.add_argument("user", metavar="USER", nargs="?", help="whose password it is; needed for a table")
    parser.add_argument("--table", metavar="NAME", help="write the secret into this table, not to the output")
    parser.add_argument(
        "--scheme", choices=tuple(MAKERS), default=DEFAULT_SCHEME, type=str.upper,
        help="how the secret is kept (default: %(default)s, with which clients need not send the password)",
    )  # fmt: skip


def run(args: Namespace) -> int:
    """Make the secret; 0 when it was printed or written."""
    if args.table is not None and args.user is None:
        return _fail("a table needs to know whose secret it is: name the user")
    try:
        secret = make_secret(args.scheme, _password())
    except ValueError as error:
        return _fail(str(error))
    if args.table is None:
        sys.stdout.write(secret + "\n")
        return DONE
    tree = read_tree(args.config, hostname=own_name(), version=RELEASE)
    if not isinstance(tree, Tree):
        sys.stderr.write(render(tree, "text"))
        return FAILED
    trouble = _write(tree.settings, args.table, args.user, Secret(secret))
    return _fail(trouble) if trouble else DONE


def _password() -> str:
    """From the terminal, asked for twice, or the first line of the input; raises ValueError."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise ValueError("the two passwords differ")
    return password


def _write(settings: Settings, name: str, user: str, secret: Secret) -> str:
    """The table has the secret, or why it has not."""
    if name not in settings.tables:
        return f"there is no table `{name}` in the tree"
    table_traits = traits(settings.tables)[name]
    column = _column(table_traits.columns)
    if not table_traits.writable:
        return f"the table `{name}` is not `writable`"
    if column is None:
        return f"the table `{name}` has no column for secrets: declare one of type `secret`"
    with ThreadPoolExecutor(1) as executor:
        delimiter = settings.server.recipient_delimiter
        around = Surroundings(executor, time, delimiter, _complain)
        table = open_tables({name: settings.tables[name]}, around)[name]
        assert isinstance(table, Writable)
        try:
            return asyncio.run(_set(table, user, column, secret))
        finally:
            table.close()


async def _set(table: Writable, user: str, column: str, secret: Secret) -> str:
    match await table.find(user):
        case Unavailable(reason):
            return reason
        case Found(row):
            known: Row = row
        case Missing():
            known = {}
    # The row's other cells stay: a quota is not changed with a password.
    written = await table.set(user, {**known, column: secret})
    return written.reason if isinstance(written, Unavailable) else ""


def _column(columns: Mapping[str, Type]) -> str | None:
    secret = next((name for name, kind in columns.items() if kind is Type.SECRET), None)
    return secret or next((name for name in (PASSWORD, VALUE) if name in columns), None)


def _complain(_name: str, flaw: str) -> None:
    _fail(flaw)


def _fail(message: str) -> int:
    sys.stderr.write(f"vsmtp passwd: {message}\n")
    return FAILED

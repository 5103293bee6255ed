"""Verdicts and effects, and the stages that allow them."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from vsmtp.vocabulary.stages import Stage

_EVERYWHERE: Final = frozenset(Stage)
_BEFORE_QUEUE: Final = frozenset(stage for stage in Stage if stage <= Stage.PREQUEUE)

# The key of a rule -> where it may stand. `trust` skips the stages up to and with prequeue: one must be left.
VERDICTS: Final[dict[str, frozenset[Stage]]] = {
    "accept": _EVERYWHERE,
    "return": _EVERYWHERE,
    "trust": _BEFORE_QUEUE - {Stage.DATA, Stage.PREQUEUE},
    "reject": _EVERYWHERE,
    "defer": _EVERYWHERE,
    "discard": _EVERYWHERE,
    "quarantine": _EVERYWHERE - {Stage.DELIVERY},
    "delegate": frozenset({Stage.POSTQUEUE, Stage.DELIVERY}),
    "jump": _EVERYWHERE,
}
# Read and checked, and refused all the same: what obeys them comes with a later release.
LATER_VERDICTS: Final = frozenset({"delegate"})
# `close = true` beside `reject` ends the connection: there must be one.
CLOSING: Final = _BEFORE_QUEUE

EFFECTS: Final[dict[str, frozenset[Stage]]] = {
    "add_header": _EVERYWHERE,
    "prepend_header": _EVERYWHERE,
    "set_header": _EVERYWHERE,
    "rename_header": _EVERYWHERE,
    "remove_header": _EVERYWHERE,
    "log": _EVERYWHERE,
}
# Of rules.md, not of this release: the fault says so instead of guessing at a misspelling.
LATER_EFFECTS: Final = frozenset({
    "add_rcpt", "remove_rcpt", "rewrite_rcpt", "rewrite_sender", "rewrite_from", "rewrite_to", "add_to",
    "remove_to", "deliver", "forward", "maildir", "mbox", "lmtp", "pipe", "no_delivery", "sign_dkim",
    "add_authentication_results", "seal_arc", "set", "add", "table_set", "table_add", "table_remove", "count",
    "run", "apply", "write", "dump", "notify",
})  # fmt: skip
LATER_KEYS: Final = frozenset({"lookup"})

# Ascending.
Level: TypeAlias = Literal["debug", "info", "warning", "error"]
LOG_LEVELS: Final[tuple[str, ...]] = get_args(Level)

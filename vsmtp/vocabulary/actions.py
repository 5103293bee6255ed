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

# A transport is chosen for a recipient, or at `prequeue` and `postqueue` for all of a group.
_ROUTING: Final = frozenset({Stage.RCPT, Stage.PREQUEUE, Stage.POSTQUEUE, Stage.DELIVERY})
# Recipients can be added and taken away while there are some and none is on its way yet.
_GATHERING: Final = frozenset({Stage.RCPT, Stage.DATA, Stage.PREQUEUE, Stage.POSTQUEUE})
EFFECTS: Final[dict[str, frozenset[Stage]]] = {
    "add_header": _EVERYWHERE,
    "prepend_header": _EVERYWHERE,
    "set_header": _EVERYWHERE,
    "rename_header": _EVERYWHERE,
    "remove_header": _EVERYWHERE,
    "rewrite_from": _EVERYWHERE,
    "rewrite_to": _EVERYWHERE,
    "add_to": _EVERYWHERE,
    "remove_to": _EVERYWHERE,
    "add_rcpt": _GATHERING,
    "remove_rcpt": _GATHERING,
    "rewrite_rcpt": frozenset({Stage.RCPT, Stage.DELIVERY}),
    "rewrite_sender": frozenset({Stage.MAIL, Stage.DATA, Stage.PREQUEUE, Stage.POSTQUEUE}),
    "forward": _ROUTING,
    "maildir": _ROUTING,
    "no_delivery": _ROUTING,
    "set": _EVERYWHERE,
    "add": _EVERYWHERE,
    "table_set": _EVERYWHERE,
    "table_add": _EVERYWHERE,
    "table_remove": _EVERYWHERE,
    "count": _EVERYWHERE,
    "write": frozenset({Stage.PREQUEUE, Stage.POSTQUEUE, Stage.DELIVERY}),
    "dump": _EVERYWHERE,
    "notify": _EVERYWHERE,
    "log": _EVERYWHERE,
}
# Of rules.md, not of this release: the fault says so instead of guessing at a misspelling.
LATER_EFFECTS: Final = frozenset({
    "deliver", "mbox", "lmtp", "pipe", "sign_dkim", "add_authentication_results", "seal_arc", "run", "apply",
})  # fmt: skip

# Ascending.
Level: TypeAlias = Literal["debug", "info", "warning", "error"]
LOG_LEVELS: Final[tuple[str, ...]] = get_args(Level)
# How a line of the log is written.
LogForm: TypeAlias = Literal["json", "logfmt", "console"]

# The warnings about rules, which a rule's `allow` may name.
LINTS: Final = frozenset(
    {
        "always-true", "backscatter", "never-true", "text-not-table", "unanchored-regex", "unanswered-fact",
        "unreachable-rule", "unreachable-stage", "unused-chain",
    }
)  # fmt: skip

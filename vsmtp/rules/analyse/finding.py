"""What a check found in the rules: a warning, and the other rules it is about."""

from __future__ import annotations

from dataclasses import dataclass

from vsmtp.rules.language import Rule, RuleInfo
from vsmtp.values.diagnostic import KeyPath


@dataclass(frozen=True, slots=True)
class Finding:
    """A warning about `rule`, None for one about no rule; the place is the key at `path`.

    `code`, `message` and `help` are those of a `Fault`. `others` are rules that it is about besides: where
    they stand is to be said with it.
    """

    rule: Rule | None
    path: KeyPath
    code: str
    message: str
    help: str
    others: tuple[RuleInfo, ...] = ()

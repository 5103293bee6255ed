"""Reading `do`: the list of a rule's effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from vsmtp.rules import effects
from vsmtp.rules.effects import Effect
from vsmtp.rules.readers import addresses, headers, state, telling, transports
from vsmtp.rules.readers.given import Given
from vsmtp.rules.reading import Reading, did_you_mean
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.actions import EFFECTS, LATER_EFFECTS


def read_effects(reading: Reading, raw: object, path: KeyPath, groups: frozenset[str]) -> tuple[Effect, ...]:
    """The effects in order; faults are recorded and what is wrong left out."""
    if not isinstance(raw, list):
        reading.fault(path, "wrong-type", '`do` is a list of effects: `do = [ { log = "..." } ]`')
        return ()
    read = (_read_one(Given(reading, item, (*path, n), groups)) for n, item in enumerate(raw))
    return tuple(effect for effect in read if effect is not None)


def _read_one(given: Given) -> Effect | None:
    if not isinstance(given.raw, Mapping) or len(given.raw) != 1:
        given.wrong("wrong-type", 'an effect is a table with one key: `{ log = "..." }`')
        return None
    name, operand = next(iter(given.raw.items()))
    reading, here = given.reading, given.inner(name, operand)
    if name in LATER_EFFECTS:
        reading.key_fault(here.path, "not-yet", f"the effect `{name}` comes with a later release")
    elif name not in EFFECTS:
        reading.key_fault(here.path, "unknown-key", f"unknown effect `{name}`", did_you_mean(name, EFFECTS))
    elif reading.stage is not None and reading.stage not in EFFECTS[name]:
        message = f"`{name}` is no effect of the stage `{reading.stage.label}`"
        places = ", ".join(f"`{stage.label}`" for stage in sorted(EFFECTS[name]))
        reading.key_fault(here.path, "effect-not-allowed", message, f"it may stand at {places}")
    else:
        return _READERS[name](here)
    return None


_READERS: Final[Mapping[str, Callable[[Given], Effect | None]]] = {
    "add_header": headers.named_value(effects.AddHeader),
    "prepend_header": headers.named_value(effects.PrependHeader),
    "set_header": headers.named_value(effects.SetHeader),
    "rename_header": headers.rename,
    "remove_header": headers.remove,
    "rewrite_from": addresses.one_address(effects.RewriteFrom),
    "rewrite_to": addresses.rewrite_to,
    "add_to": addresses.one_address(effects.AddTo),
    "remove_to": addresses.one_address(effects.RemoveTo),
    "add_rcpt": addresses.add_rcpt,
    "remove_rcpt": addresses.one_address(effects.RemoveRcpt),
    "rewrite_rcpt": addresses.one_address(effects.RewriteRcpt),
    "rewrite_sender": addresses.rewrite_sender,
    "forward": transports.forward,
    "maildir": transports.maildir,
    "no_delivery": transports.no_delivery,
    "set": state.set_variables,
    "add": state.add_variables,
    "table_set": state.table_set,
    "table_add": state.table_add,
    "table_remove": state.table_remove,
    "count": state.count,
    "write": telling.export(effects.Write),
    "dump": telling.export(effects.Dump),
    "notify": telling.notify,
    "log": telling.log,
}

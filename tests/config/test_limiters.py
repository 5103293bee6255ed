from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vsmtp.config.models.settings import Settings
from vsmtp.config.validate import validate
from vsmtp.values.diagnostic import Fault


def read(**tables: Any) -> Settings | tuple[Fault, ...]:
    return validate({"server": {"name": "mx.example"}, **tables}, Path("/etc/vsmtp"))


def test_a_limiter_counts_by_a_template_over_a_window() -> None:
    settings = read(limiters={"per_user": {"key": "{auth.user|-} {{x", "per": "1h"}})
    assert isinstance(settings, Settings)
    limiter = settings.limiters["per_user"]
    assert (limiter.key, limiter.per, limiter.max_keys) == ("{auth.user|-} {{x", 3600.0, 100_000)


@pytest.mark.parametrize(("name", "limiter", "code"), [
    ("a b", {"key": "{client.ip}", "per": "1h"}, "bad-choice"),
    ("x", {"key": "{client.ip", "per": "1h"}, "bad-template"),
    ("x", {"key": "{client.pi}", "per": "1h"}, "unknown-fact"),
    ("x", {"key": "{rate.x}", "per": "1h"}, "unknown-fact"),
    ("x", {"key": "{service.scan.result}", "per": "1h"}, "unknown-fact"),
    ("x", {"key": 5, "per": "1h"}, "wrong-type"),
    ("x", {"key": "{client.ip}", "per": "0s"}, "out-of-range"),
    ("x", {"key": "{client.ip}", "per": "1h", "max_keys": 0}, "out-of-range"),
    ("x", {"key": "{client.ip}"}, "missing-key"),
])  # fmt: skip
def test_a_limiter_that_makes_no_sense_is_refused(name: str, limiter: dict[str, Any], code: str) -> None:
    faults = read(limiters={name: limiter})
    assert isinstance(faults, tuple)
    assert [fault.code for fault in faults] == [code]


def test_exports_go_where_the_tree_says() -> None:
    settings = read(exports={"path": "exports"})
    assert isinstance(settings, Settings)
    assert settings.exports.path == Path("/etc/vsmtp/exports")

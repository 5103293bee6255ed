from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.trees import plant
from vsmtp.cli.main import main
from vsmtp.cli.prove import REFUTED

TREE = """
[server]
name = "mx.example.org"
local_domains = ["example.org"]
[queue]
path = "spool"
[tables.partners]
type = "csv"
path = "partners.csv"
[[rules.rcpt]]
name = "partners may"
lookup.partner = { table = "partners", key = "{sender.address}" }
when.partner.found = true
accept = true
"""


def test_what_is_supposed_is_called_as_the_rules_call_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path, a10=TREE)
    (tmp_path / "partners.csv").write_text("address\nann@partner.example\n")
    assert main(["prove", "-c", str(tmp_path)]) == REFUTED
    assert "  supposing partner.found = true\n" in capsys.readouterr().out

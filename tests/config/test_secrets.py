from __future__ import annotations

from pathlib import Path

from vsmtp.config.models.types import SecretSource
from vsmtp.config.secrets import reveal
from vsmtp.values.answer import Found, Unavailable
from vsmtp.values.secret import Secret


def test_each_kind_of_secret_is_read_where_it_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    assert reveal(SecretSource("file", str(file)), {}) == Found(Secret("s3cret"))
    assert reveal(SecretSource("env", "P"), {"P": "s3cret"}) == Found(Secret("s3cret"))
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert reveal(SecretSource("credential", "password"), environment) == Found(Secret("s3cret"))
    assert reveal(SecretSource("value", "", Secret("s3cret")), {}) == Found(Secret("s3cret"))


def test_a_credential_cannot_leave_its_directory(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    (tmp_path / "inside").mkdir()
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path / "inside")}
    assert isinstance(reveal(SecretSource("credential", "../outside"), environment), Unavailable)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    binary, huge = tmp_path / "binary", tmp_path / "huge"
    binary.write_bytes(b"\xff")
    huge.write_bytes(b"x" * 70_000)
    reasons = {
        SecretSource("file", str(tmp_path / "none")): "No such file",
        SecretSource("file", str(binary)): "is not text",
        SecretSource("file", str(huge)): "too large",
        SecretSource("env", "P"): "not in the environment",
        SecretSource("credential", "p"): "no credentials",
    }
    for source, reason in reasons.items():
        answer = reveal(source, {})
        assert isinstance(answer, Unavailable)
        assert reason in answer.reason


def test_a_secret_does_not_print_itself() -> None:
    assert "s3cret" not in repr(SecretSource("value", "", Secret("s3cret")))

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.config.trees import plant, spot
from vsmtp.inspect.check import check

HOST = "host.example.org"


def found(root: Path, text: str) -> list[str]:
    plant(root, a10='[queue]\npath = "spool"\n', b20=text)
    report = check(root, hostname=HOST, version="1.0")
    assert report.tree is not None
    return [spot(each) for each in report.diagnostics if each.code != "not-yet"]


def make_certificate(folder: Path, name: str) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}.example", "-days", "2"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


TLS = '[tls]\ncertificate = "{}"\nprivate_key = {{ file = "{}" }}\n'


def test_a_certificate_with_its_key_is_sound(tmp_path: Path) -> None:
    make_certificate(tmp_path, "a")
    assert found(tmp_path, TLS.format("a.pem", "a.key")) == []


def test_a_key_of_another_certificate_is_found(tmp_path: Path) -> None:
    make_certificate(tmp_path, "a")
    make_certificate(tmp_path, "b")
    assert found(tmp_path, TLS.format("a.pem", "b.key")) == ["20-b.toml:2:15+7 bad-certificate"]


def test_a_file_that_is_no_certificate_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("hello")
    assert found(tmp_path, TLS.format("a.pem", "a.pem")) == ["20-b.toml:2:15+7 bad-certificate"]


def test_missing_files_are_found_both_at_once(tmp_path: Path) -> None:
    assert found(tmp_path, TLS.format("a.pem", "a.key")) == [
        "20-b.toml:2:15+7 unreadable-file",
        "20-b.toml:3:15+18 unreadable-file",
    ]


def test_certificates_of_other_names_are_looked_at_too(tmp_path: Path) -> None:
    text = '[tls.sni."x.example"]\ncertificate = "a.pem"\nprivate_key = { credential = "k" }\n'
    assert found(tmp_path, text) == ["20-b.toml:2:15+7 unreadable-file", "20-b.toml:3:15+20 unreadable-file"]


@pytest.mark.parametrize(("key", "place"), [("user", "20-b.toml:2:8+9"), ("group", "20-b.toml:2:9+9")])
def test_users_and_groups_must_exist(tmp_path: Path, key: str, place: str) -> None:
    assert found(tmp_path, f'[server]\n{key} = "nob-ody"\n') == [f"{place} unknown-user"]


def test_a_password_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    text = '[relays.r]\nhost = "r.example"\nuser = "u"\ntls = "verified"\npassword = { file = "none" }\n'
    assert found(tmp_path, text) == ["20-b.toml:5:12+17 unreadable-file"]


def test_a_file_where_a_directory_should_be_is_found(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    assert found(tmp_path, "") == ["10-a.toml:2:8+7 unwritable-path"]


def test_a_directory_where_a_log_should_be_is_found(tmp_path: Path) -> None:
    assert found(tmp_path, '[logs]\nto = ["./conf.d"]\n') == ["20-b.toml:2:7+10 unwritable-path"]


def test_a_place_that_cannot_be_made_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert found(tmp_path, '[logs]\nto = ["./file/x.log", "./new/x.log"]\n') == [
        "20-b.toml:2:7+14 unwritable-path"
    ]


POSTMASTER = """[server]
name = "mx.example.org"
local_domains = ["example.org"]
postmaster = "no-such-user@Example.org"
"""


def test_a_postmaster_who_is_no_user_of_the_system_is_found(tmp_path: Path) -> None:
    assert found(tmp_path, POSTMASTER) == ["20-b.toml:4:14+26 no-postmaster"]


def test_a_postmaster_in_a_domain_with_users_of_its_own_is_none_of_the_system(tmp_path: Path) -> None:
    assert found(tmp_path, POSTMASTER + '[domains."example.ORG"]\nrecipients = "any"\n') == []

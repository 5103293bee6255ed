from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.auth.scram import ScramKeys, decoy_keys, make_keys, read_keys, write_keys
from vsmtp.auth.secrets import (
    MAKERS,
    MAX_PASSWORD,
    Unusable,
    clear_secret,
    make_secret,
    read_secret,
    scram_keys,
    verify,
)

PASSWORD = "pässword 1"
# Made by `doveadm pw` of Dovecot 2.3.19.
DOVECOT = [
    "{PLAIN}pässword 1",
    "{CLEAR}pässword 1",
    "{CLEARTEXT}pässword 1",
    "{SHA512}CKWQ1bFe+6HuV0fkV78KrhRH5bOjFVbkHBnd8vTWw2lc3YVFx8X2I6wtGQoVpZVuVsftC++RLO5GPIvd7H4Lyg==",
    ("{SHA512.HEX}08a590d5b15efba1ee5747e457bf0aae1447e5b3a31556e41c19ddf2f4d6c3695cdd8545c7c5f623ac2d190a15a59"
     "56e56c7ed0bef912cee463c8bddec7e0bca"),
    "{SSHA512}MZHMD9BaEtFWXw28MVVGlC9hJYnE91o3ykC+yFRmSy6r1+7cEkP2McmYCecmb5OOJvRMuf5ON4CQTaeLSQkvcX+6JgU=",
    "{SHA256}f7RERuWhObO3oHciFhtpNCnGhD0FNBL7CyE3AkK4vbA=",
    "{SSHA256}y3pWH9gRTK+xg9g1NE2o7fDY37/T3Pyi2DmX8BZ8VFmEhxaV",
    "{SSHA}WtNA1CQpbXvx5eR1F7SN6sPUSdFU9j8F",
    ("{SHA512-CRYPT}$6$EqFX0MV7CKgL8Hov$pB2ekdtGXGHuYOSrCR7BHDQBhMrEFLd27h4nrv.bzbZt7xT//sdgammsHNRNwVSOcZlUqtL"
     "uWDACug7Glp3Cs."),
    "{SHA256-CRYPT}$5$o0eob8bX16y4k47N$Y5i23T4tmRC4nUErgpchwok2HhOTiJn9xi4/h3olP3C",
    "{BLF-CRYPT}$2y$05$zBmT9tYrUoIV1FXg/QSQn.1WHaqECH3KPGk/JRspqMf2PDwppSCoq",
    "{CRYPT}$2y$05$OIqTGjK56JucVP8tUtDfOuqplFfC4eG.SyWvvwoXy/spfcbpk4Z6y",
    "{CRYPT}$1$Q1IMC/3l$ZLXn9lclX.HxjyCwFbbR.0",
    "$6$EqFX0MV7CKgL8Hov$pB2ekdtGXGHuYOSrCR7BHDQBhMrEFLd27h4nrv.bzbZt7xT//sdgammsHNRNwVSOcZlUqtLuWDACug7Glp3Cs.",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$OMC6Shku4NZEN2aG1XetkA$6EXHcToT0N8+tBPD7agKbbNfjw2iyOWeU7y1Rnvezz4",
    "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$pIgHFCf785WyV7ZZS1eC8A$2QOuVBymQMlJqqAX6ilBCcveBrkc33FAo7BbQ9hxjzk",
    ("{SCRAM-SHA-256}4096,2zTtMGH+0WOr6jcdRdvixQ==,7/y8KeVLhLXDNpuFh54KPb2JVqV0HKHDz3iJsDEcjlg=,"
     "viZXOPPTnEFVeOd+eBQlZ5eKqpaYA6NS3aGhHGdIrCk="),
]  # fmt: skip


@pytest.mark.parametrize("secret", DOVECOT)
def test_a_secret_that_dovecot_made_is_known(secret: str) -> None:
    assert verify(secret, PASSWORD) is True
    assert verify(secret, PASSWORD + "x") is False
    assert verify(secret, "") is False
    assert verify(secret, PASSWORD + "\0") is False


@pytest.mark.parametrize("scheme", [name for name in MAKERS if name != "BLF-CRYPT"])
def test_a_secret_that_is_made_is_known(scheme: str) -> None:
    secret = make_secret(scheme.lower(), PASSWORD)
    assert secret.startswith("{" + scheme + "}")
    assert verify(secret, PASSWORD) is True
    assert verify(secret, "other") is False
    assert scheme == "PLAIN" or make_secret(scheme, PASSWORD) != secret


@pytest.mark.parametrize(
    "secret",
    [
        "", "geheim", "5f4dcc3b5aa765d61d8327deb882cf99", "{}x", "{MD5}x", "{PLAIN-MD5}x", "{SHA512}x",
        "{SSHA}AAAA", "{SHA256}", "{SHA512.HEX}zz", "{SSHA256}f7RERuWhObO3oHciFhtpNCnGhD0FNBL7CyE3AkK4vbA=",
        "{SHA512-CRYPT}$5$o0eob8bX16y4k47N$Y5i2", "{BLF-CRYPT}x", "{CRYPT}$zz$", "{CRYPT}*0", "{ARGON2ID}x",
        "{ARGON2ID}$argon2id$x", "{ARGON2I}$argon2id$v=19$m=8,t=1,p=1$YWJjZGVmZ2g$YWJj",
        "{SCRAM-SHA-256}1,2,3",
        "{SCRAM-SHA-256}1,AAAAAAAAAAAAAAAA,AAAA,AAAA", "{SCRAM-SHA-256}99999999999999,a,b,c",
    ],
)  # fmt: skip
def test_what_is_no_secret_lets_nobody_in_and_says_nothing_of_itself(secret: str) -> None:
    for password in (secret or "x", "geheim"):
        found = verify(secret, password)
        assert isinstance(found, Unusable)
        assert not secret or secret not in found.reason


@given(st.text(), st.text(min_size=1, max_size=20))
def test_any_secret_is_judged_without_an_exception(secret: str, password: str) -> None:
    for scheme in ("", "{PLAIN}", "{SSHA}", "{SHA512.HEX}", "{ARGON2ID}$argon2id$", "{SCRAM-SHA-256}4096,"):
        verdict = verify(scheme + secret, password)
        assert verdict is not True or scheme == "{PLAIN}" or secret.startswith("{")


@given(st.text(min_size=1).filter(lambda text: "\0" not in text and text.isprintable()))
def test_a_clear_secret_knows_its_password_alone(password: str) -> None:
    assert verify(make_secret("PLAIN", password), password) is (len(password) <= MAX_PASSWORD)
    assert verify("{PLAIN}" + password, password + "x") is False


@pytest.mark.parametrize(
    ("scheme", "password"), [("MD5", "x"), ("PLAIN", ""), ("PLAIN", "a\0"), ("PLAIN", "x" * 1025)]
)
def test_what_will_not_do_is_not_made(scheme: str, password: str) -> None:
    with pytest.raises(ValueError, match=r"made here|a password has"):
        make_secret(scheme, password)


def test_the_keys_of_rfc_7677_come_from_its_password() -> None:
    keys = read_keys(
        "4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert verify("{SCRAM-SHA-256}" + write_keys(keys), "pencil") is True
    assert scram_keys("{SCRAM-SHA-256}" + write_keys(keys), b"") == keys


def test_a_clear_secret_gives_keys_and_a_hash_gives_none() -> None:
    keys = scram_keys("{PLAIN}pencil", b"0123456789abcdef")
    assert isinstance(keys, ScramKeys)
    assert verify("{SCRAM-SHA-256}" + write_keys(keys), "pencil") is True
    assert isinstance(scram_keys(DOVECOT[-3], b""), Unusable)
    assert clear_secret("{plain}pencil") == "pencil"
    assert isinstance(clear_secret(DOVECOT[-1]), Unusable)


def test_keys_are_read_as_they_are_written() -> None:
    keys = make_keys("pencil", 4096)
    assert read_keys(write_keys(keys)) == keys


def test_a_decoy_is_the_same_each_time_and_another_s_is_another() -> None:
    keys = decoy_keys("ann", b"pepper", 4096)
    assert decoy_keys("ANN", b"pepper", 4096) == keys
    assert decoy_keys("bob", b"pepper", 4096).salt != keys.salt
    assert decoy_keys("ann", b"other", 4096).salt != keys.salt
    assert read_keys(write_keys(keys)) == keys


def test_keys_and_secrets_do_not_print_themselves() -> None:
    keys = make_keys("pencil", 4096)
    assert str(keys.stored_key) not in repr(keys)
    assert "pencil" not in repr(read_secret("{PLAIN}pencil"))

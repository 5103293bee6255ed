from __future__ import annotations

import pytest
from pydantic import ValidationError

from vsmtp.config.models.auth import Auth, BackendPlace


def test_an_empty_table_asks_for_what_is_safe() -> None:
    auth = Auth.model_validate({})
    assert auth.mechanisms == ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert auth.backend == BackendPlace("table")


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("table", BackendPlace("table")),
        ("dovecot:/run/dovecot/auth-client", BackendPlace("dovecot", "/run/dovecot/auth-client")),
        ("saslauthd:/run/saslauthd/mux", BackendPlace("saslauthd", "/run/saslauthd/mux")),
    ],
)
def test_a_back_end_is_named_with_its_socket(written: str, place: BackendPlace) -> None:
    assert Auth.model_validate({"backend": written}).backend == place


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ({"backend": "pam"}, "bad-choice"),
        ({"backend": "dovecot"}, "bad-path"),
        ({"backend": "dovecot:auth"}, "bad-path"),
        ({"mechanisms": ["OAUTHBEARER"]}, "not-yet"),
        ({"mechanisms": ["SCRAM"]}, "bad-choice"),
        ({"attempts": 0}, "greater_than_equal"),
    ],
)
def test_what_will_not_do_is_refused(written: dict[str, object], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Auth.model_validate(written)
    assert caught.value.errors()[0]["type"] == code

from __future__ import annotations

import pytest

from vsmtp.auth.mechanisms import MECHANISMS
from vsmtp.auth.offer import Standing, offered

ALL = tuple(MECHANISMS)


@pytest.mark.parametrize(
    ("standing", "names"),
    [
        (Standing(vault=True, safe=False, binding=True, certificate=True), set()),
        (Standing(vault=True, safe=True), {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"}),
        (Standing(vault=False, safe=True), {"PLAIN", "LOGIN"}),
        (Standing(vault=False, safe=True, certificate=True), {"PLAIN", "LOGIN", "EXTERNAL"}),
        (Standing(vault=True, safe=True, binding=True, certificate=True), set(ALL)),
        (Standing(vault=False, safe=True, binding=True), {"PLAIN", "LOGIN"}),
    ],
)
def test_what_is_offered_can_be_used(standing: Standing, names: set[str]) -> None:
    assert set(offered(ALL, standing)) == names


def test_the_order_is_the_administrators() -> None:
    assert offered(("LOGIN", "PLAIN"), Standing(vault=True, safe=True)) == ("LOGIN", "PLAIN")

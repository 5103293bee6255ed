from __future__ import annotations

import pytest

from vsmtp.facts.organization import SuffixesJob, is_ready, org_domain


@pytest.mark.parametrize(("domain", "organization"), [
    ("a.b.example.co.uk", "example.co.uk"), ("MX.Example.ORG", "example.org"), ("co.uk", "co.uk"),
    ("localhost", "localhost"), ("[192.0.2.1]", "[192.0.2.1]"),
])  # fmt: skip
def test_the_organizations_domain_is_one_label_below_a_public_suffix(domain: str, organization: str) -> None:
    SuffixesJob().run()
    assert is_ready()
    assert org_domain(domain) == organization

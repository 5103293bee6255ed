"""A client of the daemon under TLS, from the first octet on or after STARTTLS."""

from __future__ import annotations

import ssl
from typing import Final, Self

from tests.peers.certificates import Pair, authority
from tests.server.daemon import Client

# TLS from the first octet on, beside a listener that offers STARTTLS.
SUBMISSIONS: Final = """
[listeners.submissions]
address = ["127.0.0.1:{port}"]
kind = "submissions"
auth = "none"
"""


def trusting(own: Pair | None = None) -> ssl.SSLContext:
    """What a client begins with that trusts the tests' authority, and shows a certificate of its `own`."""
    context = ssl.create_default_context(cafile=authority().certificate)
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context


class Encrypted(Client):
    """A client under TLS; nothing has been said in it yet."""

    def __init__(self, port: int, *, own: Pair | None = None, name: str = "mx.test") -> None:
        super().__init__(port)
        self.encrypt(own, name)

    def encrypt(self, own: Pair | None = None, name: str = "mx.test") -> None:
        self.socket = trusting(own).wrap_socket(self.socket, server_hostname=name)


class Starting(Encrypted):
    """A client that has said STARTTLS."""

    def __init__(self, port: int, *, own: Pair | None = None, name: str = "mx.test") -> None:
        Client.__init__(self, port)
        self.greet()
        assert self.say("STARTTLS").startswith("220 ")
        self.encrypt(own, name)

    def hello(self, name: str = "client.test") -> Self:
        assert self.say(f"EHLO {name}").startswith("250")
        return self

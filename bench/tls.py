"""What TLS costs a server: full handshakes after STARTTLS, a connection's memory, octets through a tunnel."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from bench.meter import Meter
from bench.workload import settled
from tests.peers.certificates import Pair

CLIENTS = 4
LARGE = 4_000_000


def blind() -> ssl.SSLContext:
    """A client that believes every certificate: its own work is not what is measured."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def started(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A connection under TLS, after a full handshake."""
    sock = socket.create_connection(("127.0.0.1", port), 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _await(sock, b"220 ")
    _say(sock, b"EHLO src.test\r\n", b"250")
    _say(sock, b"STARTTLS\r\n", b"220")
    return context.wrap_socket(sock)


def _await(sock: socket.socket, code: bytes) -> None:
    reply = b""
    while not reply.endswith(b"\r\n"):
        reply += sock.recv(4096)
    if not reply.startswith(code[:3]):
        raise RuntimeError(f"{code!r} was wanted, {reply!r} came")


def _say(sock: socket.socket, line: bytes, code: bytes) -> None:
    sock.sendall(line)
    _await(sock, code)


def handshakes(port: int, count: int, cost: Meter) -> dict[str, float]:
    """Connections a second, each with STARTTLS, a full handshake and QUIT, and the server's CPU for each."""

    def one_after_the_other() -> None:
        context = blind()
        for _ in range(count // CLIENTS):
            with started(port, context) as sock:
                _say(sock, b"QUIT\r\n", b"221")

    settled()
    used, began = cost.cpu(), time.monotonic()
    _all_at_once(one_after_the_other)
    seconds = time.monotonic() - began
    settled()
    return {"handshakes": count / seconds, "handshake_cpu_ms": (cost.cpu() - used) / count * 1000}


def _all_at_once(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def through(port: int, messages: int, cost: Meter) -> dict[str, float]:
    """Megabytes a second of large messages through one tunnel, and the server's CPU for each megabyte."""
    body = b"Subject: large\r\n\r\n" + (b"y" * 76 + b"\r\n") * (LARGE // 78)
    with started(port, blind()) as sock:
        _say(sock, b"EHLO src.test\r\n", b"250")
        used, began = cost.cpu(), time.monotonic()
        for _ in range(messages):
            _say(sock, b"MAIL FROM:<a@src.test>\r\n", b"250")
            _say(sock, b"RCPT TO:<user@local.test>\r\n", b"250")
            _say(sock, b"DATA\r\n", b"354")
            sock.sendall(body)
            _say(sock, b".\r\n", b"250")
        seconds = time.monotonic() - began
    settled()
    megabytes = messages * len(body) / 1e6
    return {"tls_mb_s": megabytes / seconds, "tls_cpu_ms_mb": (cost.cpu() - used) / megabytes * 1000}


def idle_under_tls(port: int, connections: int, cost: Meter) -> float:
    """Octets of anonymous memory for each of so many connections that shook hands and say nothing."""
    context = blind()
    with ExitStack() as stack:
        stack.enter_context(started(port, context))
        time.sleep(0.5)
        before = cost.anonymous()
        for _ in range(connections):
            stack.enter_context(started(port, context))
        time.sleep(0.5)
        return (cost.anonymous() - before) / connections


def postfix_settings(pair: Pair) -> dict[str, str]:
    """What makes Postfix offer STARTTLS with the same certificate."""
    return {
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": str(pair.certificate),
        "smtpd_tls_key_file": str(pair.key),
        "smtpd_tls_session_cache_database": "",
    }

"""The postman's process: `python -m vsmtp.postman FD`, where FD is its end of a SEQPACKET socket pair."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from typing import Final

from vsmtp.disk.calls import Disk
from vsmtp.postman.maildir import Maildirs
from vsmtp.postman.packet import MAX_ITEMS, number, read_batch, write_answer

_PACKET: Final = 64
# The worker says when it is over, by its end of the socket: a signal to the whole group must not cut a batch.
_IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(link: socket.socket, maildirs: Maildirs) -> None:
    """Write batch after batch until the other end closes."""
    while True:
        packet, fds, _, _ = socket.recv_fds(link, _PACKET, MAX_ITEMS + 1, socket.MSG_CMSG_CLOEXEC)
        if not packet:
            return
        try:
            results = maildirs.write(read_batch(fds[0]), fds[1:])
        finally:
            for fd in fds:
                os.close(fd)
        link.send(write_answer(number(packet), results))


def main() -> None:
    """Serve the socket whose number is the only argument."""
    for ignored in _IGNORED:
        signal.signal(ignored, signal.SIG_IGN)
    gc.disable()  # nothing here makes cycles
    with socket.socket(fileno=int(sys.argv[1])) as link:
        try:
            serve(link, Maildirs(Disk()))
        except ConnectionError:
            return  # the worker ended while we answered


if __name__ == "__main__":
    main()

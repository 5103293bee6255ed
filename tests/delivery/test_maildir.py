from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.mailbox import Mailboxes, Template
from vsmtp.delivery.maildir import Maildirs, outcome
from vsmtp.postman.packet import Result
from vsmtp.values.address import Address
from vsmtp.values.envelope import BodyFile, Content
from vsmtp.values.outcome import Deferred, Delivered, Failed, Outcome

DATA = b"Subject: a\r\n\r\nhello\r\n"


def consignment(
    number: int, local: str = "anna", content: Content | None = None, **more: bool
) -> Consignment:
    return Consignment(
        queue_id=7,
        number=number,
        name="7F",
        sender=Address("s", "src.test"),
        recipient=Address(local, "local.test"),
        arrived=1000.9,
        content=content or Content(DATA),
        again=more.get("again", False),
    )


@asynccontextmanager
async def maildirs(base: Path) -> AsyncIterator[Maildirs]:
    transport = Maildirs(Mailboxes(Template.parse(f"{base}/{{rcpt.local}}"), "+"), "mx.test")
    try:
        yield transport
    finally:
        await transport.close()


def deliver(base: Path, batch: Sequence[Consignment]) -> Sequence[Outcome]:
    async def run() -> Sequence[Outcome]:
        async with maildirs(base) as transport:
            return await transport.deliver(batch)

    return asyncio.run(run())


def test_a_delivered_message_is_in_new_with_its_trace(tmp_path: Path) -> None:
    outcomes = deliver(tmp_path, [consignment(1), consignment(2, "Bert+tag")])
    assert [type(outcome) for outcome in outcomes] == [Delivered, Delivered]
    written = (tmp_path / "anna/new/1000.Q7FR1.mx.test").read_bytes()
    assert written == b"Return-Path: <s@src.test>\r\nDelivered-To: anna@local.test\r\n" + DATA
    assert (tmp_path / "bert/new/1000.Q7FR2.mx.test").exists()
    assert list((tmp_path / "anna/tmp").iterdir()) == []


def test_only_the_owner_reads_a_maildir(tmp_path: Path) -> None:
    deliver(tmp_path, [consignment(1)])
    modes = [(tmp_path / "anna" / part).stat().st_mode & 0o777 for part in ("", "tmp", "new", "cur")]
    assert modes == [0o700] * 4
    assert (tmp_path / "anna/new/1000.Q7FR1.mx.test").stat().st_mode & 0o777 == 0o600


def test_a_body_file_follows_the_header(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"old header" + b"x" * 3_000_000)
    content = Content(DATA, BodyFile(body, 10, 3_000_010))
    outcomes = deliver(tmp_path, [consignment(1), consignment(2, content=content), consignment(3)])
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    written = (tmp_path / "anna/new/1000.Q7FR2.mx.test").read_bytes()
    assert written.endswith(DATA + b"x" * 3_000_000)
    assert (tmp_path / "anna/new/1000.Q7FR3.mx.test").read_bytes().endswith(DATA)


def test_a_missing_body_defers_only_its_own(tmp_path: Path) -> None:
    content = Content(DATA, BodyFile(tmp_path / "gone", 0, 10))
    outcomes = deliver(tmp_path, [consignment(1, content=content), consignment(2)])
    assert [type(outcome) for outcome in outcomes] == [Deferred, Delivered]


def test_more_than_a_batch_keeps_its_order(tmp_path: Path) -> None:
    names = [f"user{n}" if n % 50 else ".hidden" for n in range(200)]
    outcomes = deliver(tmp_path, [consignment(n, name) for n, name in enumerate(names)])
    expected = [f"maildir:{tmp_path}/{name}" if name != ".hidden" else "" for name in names]
    assert [outcome.where for outcome in outcomes] == expected


def test_delivering_the_same_again_adds_no_file(tmp_path: Path) -> None:
    deliver(tmp_path, [consignment(1)])
    assert isinstance(deliver(tmp_path, [consignment(1)])[0], Delivered)
    (tmp_path / "anna/new/1000.Q7FR1.mx.test").rename(tmp_path / "anna/cur/1000.Q7FR1.mx.test:2,S")
    assert isinstance(deliver(tmp_path, [consignment(1, again=True)])[0], Delivered)
    assert list((tmp_path / "anna/new").iterdir()) == []


def test_a_killed_postman_defers_what_it_had_and_another_takes_over(tmp_path: Path) -> None:
    async def run() -> tuple[Sequence[Outcome], Sequence[Outcome]]:
        async with maildirs(tmp_path) as transport:
            await transport.deliver([consignment(1)])
            pid = transport._postman.pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            first = asyncio.ensure_future(transport.deliver([consignment(2)]))
            await asyncio.sleep(0.05)
            os.kill(pid, signal.SIGKILL)
            return await first, await transport.deliver([consignment(2, again=True)])

    first, second = asyncio.run(run())
    assert isinstance(first[0], Deferred)
    assert isinstance(second[0], Delivered)
    assert len(list((tmp_path / "anna/new").iterdir())) == 2


def test_a_postman_that_died_idle_costs_no_mail_its_turn(tmp_path: Path) -> None:
    async def run() -> Sequence[Outcome]:
        async with maildirs(tmp_path) as transport:
            await transport.deliver([consignment(1)])
            process = transport._postman._process
            assert process is not None
            process.kill()
            process.wait()  # the loop has not run since: nobody has read that the link is at its end
            return await transport.deliver([consignment(2)])

    assert isinstance(asyncio.run(run())[0], Delivered)


@pytest.mark.slow
def test_a_postman_killed_at_any_time_leaves_each_mail_there_once(tmp_path: Path) -> None:
    async def alive(transport: Maildirs) -> None:
        # One that was killed after its last answer may still take a batch while it dies, and answers none.
        while not isinstance((await transport.deliver([consignment(99, "bert")]))[0], Delivered):
            continue

    async def attempt(transport: Maildirs, delay: float) -> None:
        pid = transport._postman.pid
        assert pid is not None
        batch = asyncio.ensure_future(transport.deliver([consignment(n, again=True) for n in range(64)]))
        await asyncio.sleep(delay)
        os.kill(pid, signal.SIGKILL)
        await batch

    async def run() -> Sequence[Outcome]:
        async with maildirs(tmp_path) as transport:
            for delay in (0.0, 0.002, 0.004, 0.008, 0.012, 0.016, 0.024):
                await alive(transport)
                await attempt(transport, delay)
                for path in list((tmp_path / "anna/new").glob("*"))[::2]:
                    path.rename(tmp_path / "anna/cur" / f"{path.name}:2,S")
            await alive(transport)
            return await transport.deliver([consignment(n, again=True) for n in range(64)])

    assert all(isinstance(outcome, Delivered) for outcome in asyncio.run(run()))
    found = [path for part in ("new", "cur") for path in (tmp_path / "anna" / part).iterdir()]
    assert len(found) == 64
    assert all(path.read_bytes().endswith(DATA) for path in found)
    assert list((tmp_path / "anna/tmp").iterdir()) == []


def test_uvloop_does_as_well(tmp_path: Path) -> None:
    async def run() -> Sequence[Outcome]:
        async with maildirs(tmp_path) as transport:
            return await transport.deliver([consignment(n) for n in range(130)])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert all(isinstance(outcome, Delivered) for outcome in runner.run(run()))


def test_signals_to_the_group_do_not_end_a_postman(tmp_path: Path) -> None:
    async def run() -> Sequence[Outcome]:
        async with maildirs(tmp_path) as transport:
            await transport.deliver([consignment(1)])
            assert transport._postman.pid is not None
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(transport._postman.pid, number)
            return await transport.deliver([consignment(2)])

    assert isinstance(asyncio.run(run())[0], Delivered)


def test_batches_under_way_end_before_the_transport_is_closed(tmp_path: Path) -> None:
    async def run() -> Sequence[Outcome]:
        async with maildirs(tmp_path) as transport:
            under_way = asyncio.ensure_future(transport.deliver([consignment(n) for n in range(500)]))
            await asyncio.sleep(0.01)
        assert transport._postman.pid is None
        return await under_way

    assert all(isinstance(outcome, Delivered) for outcome in asyncio.run(run()))


def test_a_full_disk_and_a_quota_defer_with_their_own_codes() -> None:
    codes = [
        str(outcome("w", Result("failed", number, "write")).reply) for number in (errno.ENOSPC, errno.EDQUOT)
    ]
    assert codes == ["452 4.3.1 cannot write: no space left", "452 4.2.2 cannot write: over quota"]


def test_an_unknown_user_of_the_system_fails(tmp_path: Path) -> None:
    def homes(user: str) -> str:
        raise LookupError(user)

    async def run() -> Sequence[Outcome]:
        transport = Maildirs(Mailboxes(Template.parse("{home}/Maildir"), "+", homes), "mx.test")
        return await transport.deliver([consignment(1)])

    found = asyncio.run(run())[0]
    assert isinstance(found, Failed)
    assert found.reply.enhanced == "5.1.1"

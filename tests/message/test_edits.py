from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.message.hostile import swift
from vsmtp.message.edits import (
    AddField,
    AddMailbox,
    Edit,
    PrependField,
    RemoveField,
    RemoveMailbox,
    RenameField,
    ReplaceAuthor,
    ReplaceMailbox,
    SetField,
    edit,
    write_field,
)
from vsmtp.message.fields import Header, scan
from vsmtp.message.mailboxes import addresses

HEAD = (
    b"Received: from a\r\n\tby b\r\nSUBJECT:  odd \t spacing \r\nX-A: 1\r\nX-B: 2\r\nx-a: 3\r\n"
    b"\r\nbody\r\n.\r\n"
)


def header(head: bytes) -> Header:
    found = scan(head)
    assert isinstance(found, Header)
    return found


def fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """List names and whole octets."""
    return [(field.name, head[field.start : field.end]) for field in header(head).fields]


@pytest.mark.parametrize(("change", "wanted"), [
    (AddField("X-C", "4"), HEAD.replace(b"\r\n\r\nbody", b"\r\nX-C: 4\r\n\r\nbody")),
    (PrependField("X-C", "4"), b"X-C: 4\r\n" + HEAD),
    (SetField("X-A", "new"), HEAD.replace(b"X-A: 1", b"X-A: new").replace(b"x-a: 3\r\n", b"")),
    (SetField("X-C", "4"), HEAD.replace(b"\r\n\r\nbody", b"\r\nX-C: 4\r\n\r\nbody")),
    (RenameField("x-a", "Y"), HEAD.replace(b"X-A:", b"Y:").replace(b"x-a:", b"Y:")),
    (RenameField("absent", "Y"), HEAD),
    (RemoveField("X-*"), HEAD.replace(b"X-A: 1\r\nX-B: 2\r\nx-a: 3\r\n", b"")),
    (RemoveField("received"), HEAD[25:]),
    (RemoveField("[ab]*"), HEAD),
])  # fmt: skip
def test_an_edit_does_what_it_says_and_nothing_else(change: Edit, wanted: bytes) -> None:
    assert edit(HEAD, [change]) == wanted


def test_edits_see_what_the_ones_before_did() -> None:
    changes: list[Edit] = [
        AddField("X-C", "1"),
        RenameField("X-C", "X-D"),
        SetField("x-d", "2"),
        RemoveField("x-[ab]"),
    ]
    assert fields(edit(HEAD, changes))[-1] == (b"x-d", b"x-d: 2\r\n")


def test_no_edit_returns_the_same_octets() -> None:
    assert edit(HEAD, []) is HEAD


def test_a_header_without_a_body_can_be_edited() -> None:
    assert edit(b"A: 1\r\nB: 2", [AddField("C", "3")]) == b"A: 1\r\nB: 2\r\nC: 3\r\n"
    assert edit(b"", [AddField("C", "3")]) == b"C: 3\r\n"
    assert edit(b"\r\nbody", [PrependField("C", "3")]) == b"C: 3\r\n\r\nbody"


def test_a_field_goes_before_the_line_that_begins_the_body() -> None:
    assert (
        edit(b"A: 1\r\nbad line\r\nB: 2\r\n", [AddField("C", "3")]) == b"A: 1\r\nC: 3\r\nbad line\r\nB: 2\r\n"
    )


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "ä", "a\0", "x" * 77])
@pytest.mark.parametrize("make", [
    lambda name: AddField(name, ""), lambda name: PrependField(name, ""), lambda name: SetField(name, ""),
    lambda name: RenameField("a", name), lambda name: RenameField(name, "a"), RemoveField,
])  # fmt: skip
def test_what_cannot_be_a_name_is_refused(make: Callable[[str], Edit], name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a field's name"):
        make(name)


def test_a_value_cannot_begin_another_field() -> None:
    assert write_field("X", "a\r\nBcc: b\n\r\n\r\nbody\0\x1b\x85") == b"X: a Bcc: b body??\r\n"


def test_values_are_folded_at_blanks() -> None:
    lines = write_field("X-Long", "words " * 40).split(b"\r\n")
    assert all(len(line) <= 78 for line in lines)
    assert all(line.startswith(b" words") for line in lines[1:-1])


def test_words_beyond_ascii_are_encoded_and_the_others_stay() -> None:
    assert write_field("From", "Jürgen Müller <j@example.org>") == (
        b"From: =?utf-8?Q?J=C3=BCrgen_M=C3=BCller?= <j@example.org>\r\n"
    )
    assert (
        write_field("From", "Jürgen <j@example.org>", utf8=True)
        == "From: Jürgen <j@example.org>\r\n".encode()
    )


NAMES = st.text("abcxyzABC-", min_size=1, max_size=8)
VALUES = st.one_of(st.text(max_size=200), st.text("aé ü\r\n:=?", max_size=200))
EDITS = st.one_of(
    st.builds(AddField, NAMES, VALUES),
    st.builds(PrependField, NAMES, VALUES),
    st.builds(SetField, NAMES, VALUES),
    st.builds(RenameField, NAMES, NAMES),
    st.builds(RemoveField, st.text("abc*?-", min_size=1, max_size=4)),
)
HEADS = st.lists(
    st.builds(lambda name, value: f"{name}:{value}\r\n".encode(), NAMES, st.text("ab \té", max_size=20)),
    max_size=6,
).map(b"".join)


@given(HEADS, EDITS, st.booleans())
def test_an_edit_shows_its_effect_and_only_it(head: bytes, change: Edit, utf8: bool) -> None:  # noqa: FBT001 drawn
    body = b"\r\nbody: not a field\r\n"
    after = edit(head + body, [change], utf8=utf8)
    assert after.endswith(body)
    before, now = fields(head + body), fields(after)
    match change:
        case AddField(name):
            assert now[:-1] == before
            assert now[-1][0] == name.lower().encode()
        case PrependField(name):
            assert now[1:] == before
            assert now[0][0] == name.lower().encode()
        case SetField(name):
            wanted = name.lower().encode()
            assert [field for field in now if field[0] != wanted] == [
                field for field in before if field[0] != wanted
            ]
            assert header(after).count(name) == 1
        case RenameField(old, new):
            assert len(now) == len(before)
            assert header(after).count(old) == (0 if old.lower() != new.lower() else header(head).count(old))
            assert [octets.partition(b":")[2] for _, octets in now] == [
                octets.partition(b":")[2] for _, octets in before
            ]
        case RemoveField():
            assert all(field in before for field in now)


@given(st.text())
def test_a_value_comes_back_but_for_its_blanks(value: str) -> None:
    shown = "".join("?" if ord(c) < 32 or (127 <= ord(c) < 160 and c != "\x85") else c for c in value)
    if any(c in value for c in "\r\n\t\v\f\x85\u2028\u2029") or "=?" in value or shown != value:
        return
    written = write_field("X", value)
    assert written.isascii()
    assert header(written).values("x") == [" ".join(part for part in value.split(" ") if part)]


@given(st.text(), st.booleans())
def test_no_value_breaks_its_field(value: str, utf8: bool) -> None:  # noqa: FBT001 drawn
    written = write_field("X", value, utf8=utf8)
    assert len(fields(written)) == 1
    assert header(written).body_start == len(written)
    assert written.count(b"\r") == written.count(b"\n") == written.count(b"\r\n")
    assert b"\0" not in written
    assert all(len(line) <= 998 for line in written.split(b"\r\n"))


@pytest.mark.parametrize(
    "value", ["x" * 100_000, "x " * 50_000, "é" * 10_000, "é x " * 5_000, "\r\n" * 100_000]
)
def test_a_hostile_value_is_written_swiftly(value: str) -> None:
    written = swift(lambda: write_field("X", value))
    assert all(len(line) <= 998 for line in written.split(b"\r\n"))


ADDRESSED = (
    b'From: "Joe, old" (a@x) <joe@x.example>, al@y.example\r\nTo: Bob <bob@b.example> (his), \r\n'
    b"\tFriends: =?utf-8?q?J?= <j@c.example>, BOB@B.example;, last@d.example\r\n"
    b"Subject: bob@b.example\r\nCc: bob@b.example\r\n\r\nTo: bob@b.example\r\n"
)


@pytest.mark.parametrize(("change", "old", "new"), [
    (ReplaceAuthor("n@z.example"), b"<joe@x.example>", b"<n@z.example>"),
    (ReplaceMailbox("last@d.example", "n@z.example"), b"last@d.example", b"n@z.example"),
    (ReplaceMailbox("nobody@d.example", "n@z.example"), b"", b""),
    (AddMailbox("n@z.example"), b"last@d.example\r\n", b"last@d.example,\r\n n@z.example\r\n"),
    (AddMailbox("J@c.example"), b"", b""),
    (RemoveMailbox("last@d.example"), b", last@d.example", b""),
    (RemoveMailbox("j@c.example"), b" =?utf-8?q?J?= <j@c.example>,", b""),
    (RemoveMailbox("al@y.example"), b"", b""),
])  # fmt: skip
def test_an_address_edit_changes_that_mailbox_alone(change: Edit, old: bytes, new: bytes) -> None:
    assert edit(ADDRESSED, [change]) == ADDRESSED.replace(old, new, 1)


def test_an_address_is_replaced_wherever_recipients_read_it() -> None:
    after = edit(ADDRESSED, [ReplaceMailbox("bob@B.example", "n@z.example")])
    assert after == (
        b'From: "Joe, old" (a@x) <joe@x.example>, al@y.example\r\nTo: Bob <n@z.example> (his), \r\n'
        b"\tFriends: =?utf-8?q?J?= <j@c.example>, n@z.example;, last@d.example\r\n"
        b"Subject: bob@b.example\r\nCc: n@z.example\r\n\r\nTo: bob@b.example\r\n"
    )


def test_a_removed_address_leaves_a_list_in_order_and_no_empty_field() -> None:
    after = edit(ADDRESSED, [RemoveMailbox("bob@b.example")])
    assert after == (
        b'From: "Joe, old" (a@x) <joe@x.example>, al@y.example\r\nTo: \r\n'
        b"\tFriends: =?utf-8?q?J?= <j@c.example>;, last@d.example\r\n"
        b"Subject: bob@b.example\r\n\r\nTo: bob@b.example\r\n"
    )


@pytest.mark.parametrize(("value", "after"), [
    (b" a@b, a@b", b""), (b" a@b, x, a@b", b" x"), (b" x, a@b, A@B", b" x"), (b" a@b,a@b, c@d", b" c@d"),
    (b" a@b c@d", b"  c@d"), (b" g:a@b;", b" g:;"), (b" g: a@b, c@d;", b" g: c@d;"),
    (b" c@d,a@b;", b" c@d;"), (b" \xff <a@b>, c@d", b" c@d"), (b" c@d, <@r,@s:a@b>", b" c@d"),
])  # fmt: skip
def test_commas_go_with_the_mailbox_they_parted(value: bytes, after: bytes) -> None:
    wanted = b"To:" + after + b"\r\n" if after else b""
    assert edit(b"To:" + value + b"\r\n\r\n", [RemoveMailbox("a@b")]) == wanted + b"\r\n"


@pytest.mark.parametrize(("head", "change", "after"), [
    (b"", ReplaceAuthor("n@z"), b"From: n@z\r\n"),
    (b"From: nobody\r\nA: b\r\n", ReplaceAuthor("n@z"), b"From: n@z\r\nA: b\r\n"),
    (b"From: nobody\r\nfrom : <a@b>\n", ReplaceAuthor("n@z"), b"From: nobody\r\nfrom : <n@z>\n"),
    (b"A: b\r\n", AddMailbox("n@z"), b"A: b\r\nTo: n@z\r\n"),
    (b"To:\r\n", AddMailbox("n@z"), b"To: n@z\r\n"),
    (b"To: a@b \r\n", AddMailbox("n@z"), b"To: a@b,\r\n n@z\r\n"),
    (b"To: g:;\r\n", AddMailbox("n@z"), b"To: g:;,\r\n n@z\r\n"),
    (b'To: "a\r\n b"@c\r\n', ReplaceMailbox('"a b"@c', "n@z"), b"To: n@z\r\n"),
])  # fmt: skip
def test_address_fields_are_made_where_there_were_none(head: bytes, change: Edit, after: bytes) -> None:
    assert edit(head, [change]) == after


@pytest.mark.parametrize("make", [ReplaceAuthor, AddMailbox, RemoveMailbox])
@pytest.mark.parametrize("address", ["", "a", "a@b\r\nBcc: c@d", "a@b, c@d"])
def test_what_is_no_address_is_refused(make: Callable[[str], Edit], address: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        make(address)


LISTS = st.text('ab@.,;:<>()\\" \t', max_size=40).map(lambda text: text.encode())
ADDRESSES = st.sampled_from(["a@b", "b@a", "a.b@a", "aa@bb"])
ADDRESS_EDITS = st.one_of(
    st.builds(ReplaceAuthor, ADDRESSES), st.builds(ReplaceMailbox, ADDRESSES, ADDRESSES),
    st.builds(AddMailbox, ADDRESSES), st.builds(RemoveMailbox, ADDRESSES),
)  # fmt: skip


def found(head: bytes, *names: str) -> list[str]:
    told: list[str] = []
    for name in names:
        some = addresses(header(head), name)
        assert isinstance(some, tuple)
        told += (address.key for address in some)
    return told


@given(LISTS, LISTS, LISTS, ADDRESS_EDITS)
def test_whatever_the_fields_hold_an_address_edit_means_one_address(
    author: bytes, to: bytes, cc: bytes, change: Edit
) -> None:
    head = b"From:" + author + b"\r\nX: a@b\r\nTo:" + to + b"\r\nCc:" + cc + b"\r\n"
    after = edit(head + b"\r\na@b", [change])
    assert after.endswith(b"\r\na@b")
    assert b"\r\nX: a@b\r\n" in after
    read, was, now = found(after, "from"), found(head, "to", "cc"), found(after, "to", "cc")
    match change:
        case ReplaceAuthor(new):
            assert read[0] == new
            assert read[1:] == found(head, "from")[1:]
            assert was == now
        case ReplaceMailbox(old, new):
            assert now == [new if key == old else key for key in was]
        case RemoveMailbox(old):
            assert [key for key in now if key == old] == []
            assert set(was) - {old} <= set(now)
        case AddMailbox(new):
            assert set(was) <= set(now) or _is_left_open(to)
            assert new in now or _is_left_open(to)


def _is_left_open(value: bytes) -> bool:
    """A quote, comment or route that is not closed takes in whatever is put behind it."""
    return any(mark in value for mark in (b'"', b"(", b"<", b"\\", b":"))


@pytest.mark.parametrize(
    "change", [ReplaceAuthor("n@z"), ReplaceMailbox("a@b", "n@z"), AddMailbox("n@z"), RemoveMailbox("a@b")]
)
@pytest.mark.parametrize(
    "value",
    [b"a@b," * 60_000, b"a@b," * 900, b"(" * 200_000, b'"' * 200_000, b"<" * 99_999, b"a@b\r\nTo: " * 5000],
)
def test_a_hostile_address_field_is_edited_swiftly(value: bytes, change: Edit) -> None:
    head = b"From: " + value + b"\r\nTo: " + value + b"\r\n\r\n"
    assert swift(lambda: edit(head, [change])).endswith(b"\r\n\r\n")


def test_many_fields_are_edited_swiftly() -> None:
    head = b"A: b\r\n" * 50_000 + b"\r\n"
    assert (
        swift(lambda: edit(head, [RemoveField("*a*b*c*"), SetField("Z", "1")])) == head[:-2] + b"Z: 1\r\n\r\n"
    )


# Folded and spaced as a signer left it: a verifier of `c=simple` hashes these very octets.
SIGNED = (
    b"DKIM-Signature:  v=1; a=rsa-sha256; c=simple/simple; d=example.org;\r\n"
    b"\ts=k1; h=From : To:Subject;\r\n  bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=;\r\n"
    b" b=dGhpcyBpcw==\r\n"
    b'FROM : "J. Doe"  <j@example.org>\r\n'
    b"To:a@b.example,\r\n\t  c@d.example \r\n"
    b"Subject: caf\xe9  =?utf-8?q?=C3=BC?= \r\n"
)


@pytest.mark.parametrize("change", [
    AddField("X-A", "1"), PrependField("Received", "1"), SetField("X-Spam", "yes"), RemoveField("X-*"),
    RenameField("X-B", "X-C"),
])  # fmt: skip
def test_what_another_has_signed_stays_octet_for_octet(change: Edit) -> None:
    body = b"\r\nhello \r\n\r\n"
    message = SIGNED + b"X-B: 1\r\n" + body
    edited = edit(message, [change])
    assert edited != message
    assert SIGNED in edited
    assert edited.endswith(body)
    assert edit(message, []) is message

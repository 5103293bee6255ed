"""Every reply that is not a rule's, by the name under which it can be reworded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from vsmtp.values.reply import Reply

# RFC 2034 4: the greeting, the answers to HELO and EHLO, and 3yz replies carry no enhanced code.
BARE: Final = frozenset({"greeting", "helo", "ehlo", "data"})

# Words that are others where the listener speaks LMTP; RFC 2033 4.2 wants the 503.
LMTP_REPLIES: Final[Mapping[str, Reply]] = {
    "greeting": Reply(220, "", "{server.name} LMTP"),
    "hello_first": Reply(503, "5.5.1", "Say LHLO first"),
    "no_recipients": Reply(503, "5.5.1", "No valid recipients"),
}

REPLIES: Final[Mapping[str, Reply]] = {
    "greeting": Reply(220, "", "{server.name} ESMTP"),
    "helo": Reply(250, "", "{server.name}"),
    "ehlo": Reply(250, "", "{server.name}"),
    "mail": Reply(250, "2.1.0", "Sender ok"),
    "rcpt": Reply(250, "2.1.5", "Recipient ok"),
    "data": Reply(354, "", "End data with <CR><LF>.<CR><LF>"),
    "chunk": Reply(250, "2.0.0", "Chunk taken"),
    "queued": Reply(250, "2.0.0", "Message accepted"),
    "reset": Reply(250, "2.0.0", "Ok"),
    "noop": Reply(250, "2.0.0", "Ok"),
    "vrfy": Reply(252, "2.0.0", "Cannot verify, but will take mail for it and try"),
    "expn": Reply(252, "2.0.0", "Cannot expand, but will take mail for it and try"),
    "help": Reply(214, "2.0.0", "Commands: {commands}"),
    "starttls": Reply(220, "2.0.0", "Ready to start TLS"),
    "authenticated": Reply(235, "2.7.0", "Authentication succeeded"),
    "quit": Reply(221, "2.0.0", "{server.name} closing connection"),
    # Said by the driver, which alone knows when.
    "auth_failed": Reply(535, "5.7.8", "Authentication failed"),
    "auth_malformed": Reply(501, "5.5.2", "That is no response of this mechanism"),
    "auth_unavailable": Reply(454, "4.7.0", "Authentication is not possible just now"),
    "auth_barred": Reply(421, "4.7.0", "Too many failed logins from your network, try again later"),
    "too_many_logins": Reply(421, "4.7.0", "Too many failed logins, closing connection"),
    "tls_unavailable": Reply(454, "4.7.0", "TLS is not available just now"),
    "early_talker": Reply(554, "5.5.1", "The server speaks first"),
    "timeout": Reply(421, "4.4.2", "timeout, closing connection"),
    "shutting_down": Reply(421, "4.3.2", "service shutting down, try again later"),
    "internal_error": Reply(421, "4.3.0", "internal error, closing connection"),
    "too_many_connections": Reply(421, "4.7.0", "too many connections"),
    "too_many_from_network": Reply(421, "4.7.0", "too many connections from your network"),
    "too_many_new": Reply(421, "4.7.0", "too many new connections from your network"),
    "too_many_mails": Reply(450, "4.7.1", "too many messages from your network, try again later"),
    "overloaded": Reply(452, "4.3.2", "too much mail is waiting for the disk, try again later"),
    "no_room": Reply(452, "4.3.1", "insufficient system storage, try again later"),
    "not_stored": Reply(451, "4.3.0", "the message could not be stored, try again later"),
    "send_apart": Reply(452, "4.5.3", "please send to this recipient in a transaction of its own"),
    "no_such_user": Reply(550, "5.1.1", "no such user here"),
    "header_too_long": Reply(552, "5.3.4", "the header of the message is too long"),
    "too_many_hops": Reply(554, "5.4.6", "too many hops: the mail is going in circles"),
    "undecided": Reply(451, "4.3.0", "Temporary failure, try again later"),
    "undecided_at_connect": Reply(421, "4.3.0", "Temporary failure, try again later"),
    "too_complex": Reply(554, "5.6.0", "Message too complex to be judged"),
    # Said by the engine of its own accord.
    "starttls_first": Reply(530, "5.7.0", "Say STARTTLS first"),
    "auth_first": Reply(530, "5.7.0", "Authentication required"),
    "auth_twice": Reply(503, "5.5.1", "Already authenticated"),
    "auth_cancelled": Reply(501, "5.7.0", "Authentication cancelled"),
    "auth_line_too_long": Reply(500, "5.5.6", "Authentication line too long"),
    "bad_base64": Reply(501, "5.5.2", "Not base64"),
    "unknown_mechanism": Reply(504, "5.5.4", "Authentication mechanism not offered"),
    "octets_after_starttls": Reply(421, "4.7.0", "Octets after STARTTLS, closing connection"),
    "bad_chunk": Reply(421, "4.5.4", "BDAT wants a size and perhaps LAST, closing connection"),
    "chunks_begun": Reply(503, "5.5.1", "The message came by BDAT so far"),
    "too_many_messages": Reply(421, "4.7.0", "Too many messages on this connection"),
    "not_smtp": Reply(421, "4.7.0", "This is a mail server"),
    "too_many_errors": Reply(421, "4.7.0", "{server.name} too many errors, closing connection"),
    "too_many_recipients": Reply(452, "4.5.3", "Too many recipients"),
    "line_too_long": Reply(500, "5.5.2", "Line too long"),
    "bad_line_end": Reply(500, "5.5.2", "Bare CR, bare LF or NUL in a command; lines end with CR LF"),
    "unknown_command": Reply(500, "5.5.1", "Command not recognised"),
    "not_implemented": Reply(502, "5.5.1", "Command not implemented"),
    "not_text": Reply(501, "5.5.2", "Command is not valid UTF-8 text"),
    "bad_argument": Reply(501, "5.5.4", "Syntax error in arguments"),
    "bad_sender": Reply(501, "5.1.7", "Bad sender address syntax"),
    "bad_recipient": Reply(501, "5.1.3", "Bad recipient address syntax"),
    "bad_parameter": Reply(501, "5.5.4", "Syntax error in parameters"),
    "unknown_parameter": Reply(555, "5.5.4", "Parameter not recognised or not offered"),
    "bad_sequence": Reply(503, "5.5.1", "Bad sequence of commands"),
    "hello_first": Reply(503, "5.5.1", "Say HELO or EHLO first"),
    "ehlo_first": Reply(503, "5.5.1", "Say EHLO first"),
    "mail_first": Reply(503, "5.5.1", "Say MAIL first"),
    "nested_mail": Reply(503, "5.5.1", "Sender already given"),
    "no_recipients": Reply(554, "5.5.1", "No valid recipients"),
    "needs_smtputf8": Reply(553, "5.6.7", "Address needs SMTPUTF8"),
    "message_too_big": Reply(552, "5.3.4", "Message too big"),
    "bad_octets": Reply(550, "5.6.11", "Bare CR, bare LF or NUL in the message; lines end with CR LF"),
    "text_line_too_long": Reply(554, "5.6.0", "Line too long in the message"),
}

# The others say what only the server knows: under which name a message is in its queue.
REWORDABLE: Final = tuple(name for name in REPLIES if name != "queued")

_WITHOUT_ENHANCED: Final = re.compile(r"([2-5]\d\d) (?!\d\.\d{1,3}\.\d{1,3}(?: |$))(.*)")


def rewording(name: str, written: str) -> Reply:
    """The reply that `written` is in the place of `name`; it keeps the enhanced code if it gives no other.

    Raises ValueError with a reason.
    """
    match = _WITHOUT_ENHANCED.fullmatch(written)
    return Reply(int(match[1]), REPLIES[name].enhanced, match[2]) if match else Reply.parse(written)

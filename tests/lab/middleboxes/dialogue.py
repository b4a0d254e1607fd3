# SPDX-License-Identifier: Apache-2.0
"""The clear part of a mail session, line by line, until TLS begins: what most boxes look at. For this lab only.

A box derives from Dialogue and changes lines. Whole lines of one read leave in one write, so that what came in one
segment leaves in one. With the first TLS record the relay goes blind in both directions.
"""
import re
import threading

import intercept

PROTOCOLS = {24: "lmtp", 25: "smtp", 110: "pop3", 143: "imap", 587: "smtp", 2525: "smtp", 4190: "sieve"}
STARTTLS = {"pop3": re.compile(rb"STLS\s*$", re.I), "imap": re.compile(rb"(\S+) +STARTTLS\s*$", re.I)}
STARTTLS_ELSEWHERE = re.compile(rb"STARTTLS\s*$", re.I)
GO_AHEAD = {"pop3": re.compile(rb"\+OK\b"), "sieve": re.compile(rb"OK\b", re.I)}
GO_AHEAD_ELSEWHERE = re.compile(rb"220[ \r\n]")
TLS_RECORDS = b"\x14\x15\x16\x17"


class Dialogue:
    """Relays one connection. Override from_client and from_server: a line in, the bytes to send on out."""

    def __init__(self, connection):
        self.connection = connection
        self.protocol = PROTOCOLS.get(connection.server_address[1], "smtp")
        self.asked = None  # of STARTTLS: the tag, or b"" where there are none; None: no answer is due
        self.accepted = False
        self.blind = False
        self._rest = {"client": b"", "server": b""}

    def from_client(self, line):
        return line

    def from_server(self, line):
        return line

    def is_starttls(self, line):
        return STARTTLS.get(self.protocol, STARTTLS_ELSEWHERE).match(line)

    def is_go_ahead(self, line):
        """The line that ends the reply to STARTTLS and accepts it."""
        if self.asked is None:
            return False
        if self.protocol == "imap":
            return re.match(re.escape(self.asked) + rb" OK\b", line, re.I) is not None
        return GO_AHEAD.get(self.protocol, GO_AHEAD_ELSEWHERE).match(line) is not None

    def to_client(self, data):
        self.connection.client.sendall(data)

    def to_server(self, data):
        self.connection.server.sendall(data)

    def _client_line(self, line):
        found = self.is_starttls(line)
        if found:
            self.asked = found.group(1) if self.protocol == "imap" else b""
        return self.from_client(line)

    def _server_line(self, line):
        if self.is_go_ahead(line):
            self.accepted, self.asked = True, None
        return self.from_server(line)

    def _relay(self, side, data, change):
        if self.blind:
            return data
        if not self._rest[side] and data[0] in TLS_RECORDS:
            self.blind = True
            return data
        *lines, self._rest[side] = re.split(rb"(?<=\n)", self._rest[side] + data)
        return b"".join(change(line) for line in lines)

    def run(self):
        server = self.connection.server or self.connection.connect()
        intercept.pump_both(self.connection.client, server,
                            lambda data: self._relay("client", data, self._client_line),
                            lambda data: self._relay("server", data, self._server_line))


def handler(make):
    """For intercept.serve: make(connection) gives the Dialogue."""
    def handle(connection):
        make(connection).run()
    return handle


class Times:
    """True for the first N askers, whatever thread they are; N None: for all."""

    def __init__(self, times):
        self._left, self._lock = times, threading.Lock()

    def __call__(self):
        if self._left is None:
            return True
        with self._lock:
            self._left -= 1
            return self._left >= 0

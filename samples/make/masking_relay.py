#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A relay that rewrites an SMTP dialogue the way "ESMTP inspection" of Cisco firewalls does.

    masking_relay.py LISTEN_IP PORT SERVER_IP PORT

Lengths never change. The banner keeps its 2s, 0s and spaces, all else becomes a star. A keyword of the EHLO reply that
is not on the allowed list is overwritten with X and ends in A. A STARTTLS command of the client is overwritten too.
Not done: anything beyond lines; the relay never reads a message body, and never needs to.
"""
import re
import socket
import sys
import threading

ALLOWED = {b"SIZE", b"PIPELINING", b"ETRN", b"HELP", b"VRFY", b"AUTH", b"DSN", b"8BITMIME", b"ENHANCEDSTATUSCODES"}


def mask_banner(line):
    return line[:4] + re.sub(rb"[^20 \r\n]", b"*", line[4:])


def mask_keyword(line):
    keyword = re.match(rb"250[ -]([A-Za-z0-9-]+)", line)
    if not keyword or keyword.group(1).upper() in ALLOWED:
        return line
    hidden = b"X" * (len(line.rstrip(b"\r\n")) - 5) + b"A"
    return line[:4] + hidden + line[4 + len(hidden):]


def pass_on(source, target, rewrite):
    """Whole lines of each read leave in one write, so that a segment stays a segment."""
    rest = b""
    while data := source.recv(65536):
        *lines, rest = re.split(rb"(?<=\n)", rest + data)
        target.sendall(b"".join(map(rewrite, lines)))
    target.sendall(rest)
    target.shutdown(socket.SHUT_WR)


class Inspection:
    """What the device remembers of one session: is this the banner, or the reply to EHLO?"""

    def __init__(self):
        self.banner = True
        self.ehlo_line = 0  # of its reply, from 1; 0: none is expected

    def from_client(self, line):
        if line.upper().startswith(b"EHLO"):
            self.ehlo_line = 1
        return b"X" * 8 + line[8:] if line.upper().startswith(b"STARTTLS") else line

    def from_server(self, line):
        if self.banner:
            self.banner = line[3:4] == b"-"
            return mask_banner(line)
        if not self.ehlo_line:
            return line
        number, self.ehlo_line = self.ehlo_line, 0 if line[3:4] == b" " else self.ehlo_line + 1
        return line if number == 1 else mask_keyword(line)


def serve(client, server):
    inspection = Inspection()
    other = threading.Thread(target=pass_on, args=(server, client, inspection.from_server))
    other.start()
    pass_on(client, server, inspection.from_client)
    other.join()


def main():
    listen_ip, listen_port, server_ip, server_port = sys.argv[1:]
    with socket.create_server((listen_ip, int(listen_port))) as door:
        client, _ = door.accept()
        with client, socket.create_connection((server_ip, int(server_port))) as server:
            serve(client, server)


if __name__ == "__main__":
    main()

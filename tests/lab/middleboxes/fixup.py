#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A firewall's "ESMTP inspection", or "fixup", as Cisco's does it. For this lab only: to make captures of what such boxes do.

It works on packets: lengths and TCP sequence numbers stay, only checksums follow, so a tap on its other side sees the same
bytes of the stream with other content.
banner:   the greeting keeps its 2s, 0s and blanks, all else becomes a star
keywords: a keyword of the reply to EHLO that is not on its list is overwritten with X and ends in A
command:  the client's STARTTLS becomes XXXXXXXX
mailguard: EHLO becomes NOOP, as the oldest ones had it
--near-miss makes of the offered word STARTTLS another of eight letters, and masks nothing but what --mask names.
"""
import re

import intercept
import nfqueue
import packets

ALLOWED = {b"SIZE", b"PIPELINING", b"ETRN", b"HELP", b"VRFY", b"AUTH", b"DSN", b"8BITMIME", b"ENHANCEDSTATUSCODES"}
PARTS = ("banner", "keywords", "command", "mailguard")


def mask_banner(payload):
    return re.sub(rb"(?m)^(\d{3}[ -])(.*)$",
                  lambda line: line.group(1) + re.sub(rb"[^20 \r]", b"*", line.group(2)), payload)


def mask_keyword(line):
    keyword = re.match(rb"250[ -]([A-Za-z0-9-]+)", line)
    if not keyword or keyword.group(1).upper() in ALLOWED:
        return line
    return line[:4] + b"X" * (len(line.rstrip(b"\r\n")) - 5) + b"A" + line[len(line.rstrip(b"\r\n")):]


class Inspection:
    """What the device remembers of one connection."""

    def __init__(self, parts, near_miss):
        self.parts, self.near_miss = parts, near_miss
        self.banner = True
        self.ehlo_line = 0  # of its reply, from 1; 0: none is expected

    def from_client(self, payload):
        word = payload[:9].upper()
        if word.startswith(b"EHLO"):
            if "mailguard" in self.parts:
                return b"NOOP" + b" " * (len(payload) - 6) + payload[-2:]
            self.ehlo_line = 1
        if word.startswith(b"STARTTLS") and "command" in self.parts:
            return b"X" * 8 + payload[8:]
        return payload

    def from_server(self, payload):
        if self.banner:
            self.banner = False
            return mask_banner(payload) if "banner" in self.parts else payload
        if self.ehlo_line:
            return b"".join(map(self._keyword, re.split(rb"(?<=\n)", payload)))
        return payload

    def _keyword(self, line):
        if not self.ehlo_line or not line:
            return line
        number, self.ehlo_line = self.ehlo_line, 0 if line[3:4] == b" " else self.ehlo_line + 1
        if self.near_miss:
            line = line.replace(b"STARTTLS", self.near_miss)
        return mask_keyword(line) if number > 1 and "keywords" in self.parts else line


def main():
    options = intercept.parser(__doc__)
    options.add_argument("--mask", choices=PARTS, action="append",
                         help="repeatable (default: banner, keywords and command; nothing with --near-miss)")
    options.add_argument("--near-miss", metavar="WORD", help="such as STARTTLX or XTARTTLS")
    arguments = options.parse_args()
    if arguments.near_miss and len(arguments.near_miss) != len("STARTTLS"):
        options.error("--near-miss: lengths are kept, so the word has eight letters")
    ports = intercept.ports_of(arguments)
    parts = arguments.mask or ([] if arguments.near_miss else PARTS[:3])
    near_miss = arguments.near_miss and arguments.near_miss.encode()
    inspections = {}

    def handle(_queue, _number, packet):
        forth = packet.ports[1] in ports
        key = (packet.source, packet.ports[0]) if forth else (packet.destination, packet.ports[1])
        if packet.flags & packets.SYN and forth:
            inspections[key] = Inspection(parts, near_miss)
        if packet.payload and key in inspections:
            inspection = inspections[key]
            packet.payload = (inspection.from_client if forth else inspection.from_server)(packet.payload)
        return packet

    nfqueue.serve(arguments, handle)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A box that makes a client look older than it is. For this lab only: to make captures of what such boxes do.

It rewrites the ClientHello on its way, lengths kept: the supported_versions extension gets a number that no server knows,
and with --to 1.1 or 1.0 the version field is lowered too. The server then answers with the older version, and a server
that could do better writes the downgrade sentinel into its random (RFC 8446 4.1.3). Works after STARTTLS and on ports where
TLS begins at once. A ClientHello that comes in several segments is put together first.
"""
import struct

import dialogue
import intercept

SUPPORTED_VERSIONS, UNKNOWN = 43, 0xFAFB  # UNKNOWN: unassigned, and not of GREASE
VERSION = {"1.2": 0x0303, "1.1": 0x0302, "1.0": 0x0301}


def trim(record, version):
    """One record that holds one whole ClientHello, with the same length."""
    hello = bytearray(record)
    if struct.unpack_from("!H", hello, 9)[0] > version:
        struct.pack_into("!H", hello, 9, version)
    at = 11 + 32  # header 5, handshake header 4, version 2, random 32
    at += 1 + hello[at]  # session id
    at += 2 + struct.unpack_from("!H", hello, at)[0]  # cipher suites
    at += 1 + hello[at]  # compression methods
    end = at + 2 + struct.unpack_from("!H", hello, at)[0] if at + 2 <= len(hello) else at
    at += 2
    while at + 4 <= end:
        kind, length = struct.unpack_from("!HH", hello, at)
        if kind == SUPPORTED_VERSIONS:
            struct.pack_into("!H", hello, at, UNKNOWN)
        at += 4 + length
    return bytes(hello)


class Trimmer(dialogue.Dialogue):
    def __init__(self, connection, version):
        super().__init__(connection)
        self.version = version
        self._hello = b""
        self._trimmed = False

    def _relay(self, side, data, change):
        if side != "client" or self._trimmed or not (self._hello or data[:1] == b"\x16"):
            return super()._relay(side, data, change)
        self._hello += data
        if len(self._hello) < 5:
            return b""
        end = 5 + struct.unpack_from("!H", self._hello, 3)[0]
        if len(self._hello) < end:
            return b""
        self._trimmed = self.blind = True
        return trim(self._hello[:end], self.version) + self._hello[end:]


def main():
    options = intercept.parser(__doc__)
    options.add_argument("--to", choices=sorted(VERSION), default="1.2", help="highest version left (default 1.2)")
    arguments = options.parse_args()
    intercept.serve(arguments,
                    dialogue.handler(lambda connection: Trimmer(connection, VERSION[arguments.to])))


if __name__ == "__main__":
    main()

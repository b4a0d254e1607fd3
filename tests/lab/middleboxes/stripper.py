#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A box that takes the offer of STARTTLS out of a server's list. For this lab only: to make captures of what such boxes do.

The line (SMTP, LMTP, POP3, ManageSieve) or the word (IMAP) is deleted and nothing put in its place, so lengths shift and
the box has to end TCP on both sides. With --refuse the list stays, and the client's STARTTLS is answered here with that
code and never reaches the server. Without it, a client that sends STARTTLS all the same gets through.
"""
import re

import dialogue
import intercept

REFUSAL = {454: "454 4.7.0 TLS not available due to local problem", 500: "500 5.5.1 Command unrecognized",
           502: "502 5.5.2 Error: command not recognized", 554: "554 5.7.3 Unable to initialize security subsystem"}


class Stripper(dialogue.Dialogue):
    def __init__(self, connection, refuse):
        super().__init__(connection)
        self.refuse = refuse
        self._reply = []  # lines of an SMTP reply that is not complete

    def from_server(self, line):
        if self.refuse:
            return line
        if self.protocol in ("smtp", "lmtp"):
            return self._from_smtp_server(line)
        if self.protocol == "imap":
            return re.sub(rb" STARTTLS\b", b"", line) if b"CAPABILITY" in line else line
        return b"" if re.match(rb'"?(STLS|STARTTLS)"?\s*$', line, re.I) else line

    def _from_smtp_server(self, line):
        """Held back until the last line, because without its last line the one before it becomes that."""
        self._reply.append(line)
        if line[3:4] == b"-":
            return b""
        kept = [each for each in self._reply if not re.match(rb"250[ -]STARTTLS\s*$", each, re.I)]
        self._reply = []
        if kept:
            kept[-1] = kept[-1][:3] + b" " + kept[-1][4:]
        return b"".join(kept)

    def from_client(self, line):
        if not self.refuse or self.asked is None or not self.is_starttls(line):
            return line
        self.to_client(self._refusal())
        self.asked = None
        return b""

    def _refusal(self):
        if self.protocol == "imap":
            return self.asked + b" BAD Unknown command\r\n"
        if self.protocol == "pop3":
            return b"-ERR Unknown command\r\n"
        if self.protocol == "sieve":
            return b'NO "Unknown command"\r\n'
        return REFUSAL[self.refuse].encode() + b"\r\n"


def main():
    options = intercept.parser(__doc__)
    options.add_argument("--refuse", type=int, choices=sorted(REFUSAL),
                         help="leave the list as it is and answer the client's STARTTLS with this code (IMAP: BAD, "
                         "POP3: -ERR, ManageSieve: NO)")
    arguments = options.parse_args()
    intercept.serve(arguments, dialogue.handler(lambda connection: Stripper(connection, arguments.refuse)))


if __name__ == "__main__":
    main()

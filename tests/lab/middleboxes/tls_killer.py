#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A box that lets both sides agree on TLS and then kills it. For this lab only: to make captures of what such boxes do.

What happens to the client's ClientHello:
stall:  it is swallowed, and the connection is kept open in silence
clear:  it is swallowed, and answered with a line of text
close:  the connection is closed towards both sides
reset:  it is reset towards both sides
Works after STARTTLS and on ports where TLS begins at once. --times lets later connections through, for clients that retry.
"""
import time

import dialogue
import intercept

TEXT = {"imap": b"* BAD Error in IMAP command\r\n", "pop3": b"-ERR Unknown command\r\n", "sieve": b'NO "Error"\r\n'}
TEXT_ELSEWHERE = b"500 5.5.1 Error: command not recognized\r\n"


class Killed(Exception):
    """Ends the relay; what is left to do to the two sides has been done."""


class Killer(dialogue.Dialogue):
    def __init__(self, connection, how, hold):
        super().__init__(connection)
        self.how, self.hold = how, hold

    def _relay(self, side, data, change):
        if side != "client" or data[:1] != b"\x16":
            return super()._relay(side, data, change)
        if self.how == "clear":
            self.to_client(TEXT.get(self.protocol, TEXT_ELSEWHERE))
        if self.how in ("stall", "clear"):
            self._wait_for_client()
        elif self.how == "reset":
            intercept.reset(self.connection.client)
            intercept.reset(self.connection.server)
        raise Killed

    def _wait_for_client(self):
        """Silence until the client gives up; the server hears nothing meanwhile."""
        client, end = self.connection.client, time.monotonic() + self.hold
        try:
            while (left := end - time.monotonic()) > 0:
                client.settimeout(left)
                if not client.recv(65536):
                    break
        except OSError:
            pass


def main():
    options = intercept.parser(__doc__)
    options.add_argument("--how", choices=("stall", "clear", "close", "reset"), required=True)
    options.add_argument("--times", type=int, metavar="N", help="only the first N connections (default: all)")
    options.add_argument("--hold", type=float, default=60, metavar="SECONDS",
                         help="how long stall and clear wait for the client to go (default 60)")
    arguments = options.parse_args()
    doomed = dialogue.Times(arguments.times)

    def handle(connection):
        relay = Killer(connection, arguments.how, arguments.hold) if doomed() else dialogue.Dialogue(connection)
        try:
            relay.run()
        except Killed:
            intercept.log(f"connection {connection.number}: {arguments.how}")

    intercept.serve(arguments, handle)


if __name__ == "__main__":
    main()

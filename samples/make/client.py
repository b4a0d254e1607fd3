#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Python's own mail clients, as a script would use them.

    client.py imap-clear HOST USER PASSWORD
    client.py pop3-stls HOST USER PASSWORD CA_FILE
"""
import imaplib
import poplib
import ssl
import sys


def imap_clear(host, user, password):
    with imaplib.IMAP4(host) as mail:
        mail.login(user, password)
        mail.select("INBOX", readonly=True)


def pop3_stls(host, user, password, ca_file):
    trust = ssl.create_default_context(cafile=ca_file)
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    mail = poplib.POP3(host)
    mail.stls(trust)
    mail.user(user)
    mail.pass_(password)
    mail.stat()
    mail.quit()


if __name__ == "__main__":
    {"imap-clear": imap_clear, "pop3-stls": pop3_stls}[sys.argv[1]](*sys.argv[2:])

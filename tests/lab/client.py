#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Python's own mail clients, as a script would use them.

    client.py MODE HOST USER PASSWORD CA_FILE

MODE is imap, pop3 or smtp, then -clear, -starttls or -implicit. TLS is what Python makes of it by default.
"""
import imaplib
import poplib
import smtplib
import ssl
import sys


def imap(host, user, password, trust, mode):
    mail = imaplib.IMAP4_SSL(host, ssl_context=trust) if mode == "implicit" else imaplib.IMAP4(host)
    with mail:
        if mode == "starttls":
            mail.starttls(trust)
        mail.login(user, password)
        mail.select("INBOX", readonly=True)


def pop3(host, user, password, trust, mode):
    mail = poplib.POP3_SSL(host, context=trust) if mode == "implicit" else poplib.POP3(host)
    if mode == "starttls":
        mail.stls(trust)
    if mode == "apop":
        mail.apop(user, password)
    else:
        mail.user(user)
        mail.pass_(password)
    mail.stat()
    mail.quit()


def smtp(host, user, password, trust, mode):
    mail = smtplib.SMTP_SSL(host, 465, context=trust) if mode == "implicit" else smtplib.SMTP(host, 587)
    with mail:
        if mode == "starttls":
            mail.starttls(context=trust)
        mail.login(user, password)


def main():
    mode, host, user, password, ca_file = sys.argv[1:]
    protocol, mode = mode.split("-")
    {"imap": imap, "pop3": pop3, "smtp": smtp}[protocol](host, user, password, ssl.create_default_context(cafile=ca_file), mode)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No secret leaves (design, invariant 5): made-up passwords, tokens, names and message texts, in every position of a
dialogue, never appear in any output, on standard error, or in a file that was asked for.

Searched as they are, in base64 at any alignment, in hexadecimal, URL-encoded, and reversed in case. The first run of each
capture must say something: a program that prints nothing keeps no secret, it does not work.
"""
import base64
import os
import sys
import tempfile
import urllib.parse

import dialogues
from harness import CORE, Checks, arguments, name_of, pcapio, root, run

FORMATS = ("ecs", "text", "eve", "cef", "leef", "ocsf")
SETTINGS = ([], ["-v"], ["-v", "-v"], ["--all-tls", "--min-severity", "info", "-v", "-v"])
PASSWORD, USER, TOKEN = "Kanari-Geheim-Eisvogel7", "kanari-nutzer-zaunkoenig", "ya29.kanari-token-rotkehlchen"
MAIL, TEXT = "kanari-absender@wiesel.example.org", "kanari-inhalt-amsel"
CANARIES = (PASSWORD, USER, TOKEN, MAIL.split("@")[0], TEXT)


def b64(text):
    return base64.b64encode(text.encode()).decode()


def forms(canary):
    """Every spelling of a canary that is searched, in lower case where case carries nothing."""
    raw = canary.encode()
    out = {canary: False, canary.lower(): True, urllib.parse.quote(canary, safe="").lower(): True, raw.hex(): True}
    out["".join(f"%{byte:02x}" for byte in raw)] = True
    out[" ".join(f"{byte:02x}" for byte in raw)] = True
    out[":".join(f"{byte:02x}" for byte in raw)] = True
    for shift in range(3):  # The first and last letters of an alignment depend on the neighbours.
        encoded = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
        out[encoded[(shift * 8 + 5) // 6 : -1 if (shift + len(raw)) % 3 else None]] = False
    return out


def leaks(data, canaries):
    text = data.decode("latin-1")
    lower = text.lower()
    return [form for canary in canaries for form, folded in forms(canary).items() if form in (lower if folded else text)]


SMTP = ["S: 220 mx.example.org ESMTP Postfix", "C: EHLO client.example.org"]
SMTP += ["S: 250-mx.example.org\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2\r\n250 DSN"]
IMAP = ["S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready"]
POP3 = ["S: +OK POP3 ready <1896.697170952@mx.example.org>"]
SIEVE = ['S: "IMPLEMENTATION" "Sieve"\r\n"SASL" "PLAIN"\r\n"STARTTLS"\r\nOK "ready"']
PLAIN = b64(f"\0{USER}\0{PASSWORD}")
XOAUTH2 = b64(f"user={USER}\x01auth=Bearer {TOKEN}\x01\x01")
DIGEST = b64(f"{USER} b913a602c7eda7a495b4e6e7334d3890")
DIALOGUES = {
    "AUTH PLAIN in one line": (587, SMTP + [f"C: AUTH PLAIN {PLAIN}", "S: 235 2.7.0 ok"]),
    "AUTH PLAIN in two": (587, SMTP + ["C: AUTH PLAIN", "S: 334 ", f"C: {PLAIN}", "S: 235 ok"]),
    "AUTH LOGIN": (25, SMTP + ["C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", f"C: {b64(USER)}", "S: 334 UGFzc3dvcmQ6", f"C: {b64(PASSWORD)}", "S: 535 no"]),
    "AUTH LOGIN with a name": (25, SMTP + [f"C: AUTH LOGIN {b64(USER)}", "S: 334 UGFzc3dvcmQ6", f"C: {b64(PASSWORD)}", "S: 235 ok"]),
    "AUTH without base64": (25, SMTP + ["C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", f"C: {USER}", "S: 334 x", f"C: {PASSWORD}", "S: 535 no"]),
    "AUTH cut in the middle": (25, SMTP + [("C", f"AUTH PLAIN {PLAIN[:20]}".encode()), ("C", f"{PLAIN[20:]}\r\n".encode()), "S: 235 ok"]),
    "CRAM-MD5": (25, SMTP + ["C: AUTH CRAM-MD5", "S: 334 PDE4OTYuNjk3MTcwOTUyQG14Pg==", f"C: {DIGEST}", "S: 235 ok"]),
    "XOAUTH2": (587, SMTP + [f"C: AUTH XOAUTH2 {XOAUTH2}", "S: 235 ok"]),
    "a mechanism that is a secret": (587, SMTP + [f"C: AUTH {PASSWORD}", "S: 504 no"]),
    "pipelined": (587, SMTP + [f"C: AUTH PLAIN {PLAIN}\r\nMAIL FROM:<{MAIL}>\r\nRCPT TO:<{MAIL}>", "S: 235 ok\r\n250 ok\r\n250 ok"]),
    "as an unknown verb": (25, SMTP + [f"C: {PASSWORD}", f'S: 500 what is "{PASSWORD}"?']),
    "after a refused AUTH": (25, SMTP + ["C: AUTH PLAIN", "S: 504 no", f"C: {PLAIN}", f"S: 500 5.5.1 {PLAIN}"]),
    "echoed by the server": (25, SMTP + [f"C: AUTH PLAIN {PLAIN}", f"S: 535 {PASSWORD} of {USER} is wrong"]),
    "addresses": (25, SMTP + [f"C: MAIL FROM:<{MAIL}> SIZE=10", f"S: 250 <{MAIL}> ok", f"C: RCPT TO:<{MAIL}>", f"S: 550 <{MAIL}> unknown", f"C: VRFY {USER}", f"S: 252 {USER}"]),
    "message": (25, SMTP + [f"C: MAIL FROM:<{MAIL}>", "S: 250 ok", f"C: RCPT TO:<{MAIL}>", "S: 250 ok", "C: DATA", "S: 354 go", f"C: Subject: {TEXT}\r\n\r\nSTARTTLS\r\nAUTH PLAIN {PLAIN}\r\n{TEXT}\r\n.", "S: 250 ok"]),
    "message by BDAT": (25, SMTP + [f"C: MAIL FROM:<{MAIL}>", "S: 250 ok", f"C: RCPT TO:<{MAIL}>", "S: 250 ok", f"C: BDAT {len(TEXT) + 2} LAST\r\n{TEXT}", "S: 250 ok"]),
    "clear after STARTTLS": (25, SMTP + ["C: STARTTLS", "S: 220 go", f"C: AUTH PLAIN {PLAIN}", f"S: 500 {PASSWORD}"]),
    "behind STARTTLS in one segment": (25, SMTP + [f"C: STARTTLS\r\nAUTH PLAIN {PLAIN}", "S: 220 go"]),
    "before the greeting": (25, [f"C: AUTH PLAIN {PLAIN}", *SMTP]),
    "USER and PASS": (110, POP3 + [f"C: USER {USER}", "S: +OK", f"C: PASS {PASSWORD}", f"S: -ERR {PASSWORD} for {USER}"]),
    "PASS with blanks": (110, POP3 + [f"C: USER {USER}", "S: +OK", f"C: PASS x {PASSWORD} y", "S: +OK"]),
    "APOP": (110, POP3 + [f"C: APOP {USER} c4c9334bac560ecc979e58001b3e22fb", "S: +OK"]),
    "POP3 AUTH": (110, POP3 + ["C: AUTH PLAIN", "S: + ", f"C: {PLAIN}", "S: +OK", "C: RETR 1", f"S: +OK\r\nSubject: {TEXT}\r\n\r\n{TEXT}\r\n."]),
    "LOGIN": (143, IMAP + [f"C: a LOGIN {USER} {PASSWORD}", f"S: a NO {PASSWORD}"]),
    "LOGIN, quoted": (143, IMAP + [f'C: a LOGIN "{USER}" "{PASSWORD}"', "S: a OK"]),
    "LOGIN by literals": (143, IMAP + [f"C: a LOGIN {{{len(USER)}}}", "S: + go", f"C: {USER} {{{len(PASSWORD)}}}", "S: + go", f"C: {PASSWORD}", "S: a OK"]),
    "LOGIN by LITERAL+": (143, IMAP + [f"C: a LOGIN {{{len(USER)}+}}\r\n{USER} {{{len(PASSWORD)}+}}\r\n{PASSWORD}", "S: a OK"]),
    "a password as the tag": (143, IMAP + [f"C: {PASSWORD} NOOP", f"S: {PASSWORD} OK done"]),
    "AUTHENTICATE": (143, IMAP + ["C: a AUTHENTICATE PLAIN", "S: + ", f"C: {PLAIN}", "S: a OK"]),
    "SASL-IR": (143, IMAP + [f"C: a AUTHENTICATE PLAIN {PLAIN}", "S: a OK", "C: b FETCH 1 BODY[]", f"S: * 1 FETCH (BODY[] {{{len(TEXT)}}}\r\n{TEXT})\r\nb OK"]),
    "OAUTHBEARER": (143, IMAP + [f"C: a AUTHENTICATE OAUTHBEARER {b64('n,,' + chr(1) + 'auth=Bearer ' + TOKEN + chr(1))}", "S: a OK"]),
    "ManageSieve": (4190, SIEVE + [f'C: AUTHENTICATE "PLAIN" "{PLAIN}"', 'S: NO "wrong"', f'C: PUTSCRIPT "{TEXT}" {{{len(TEXT)}+}}\r\n{TEXT}', "S: OK"]),
    "LMTP": (24, ["S: 220 mx LMTP", "C: LHLO client", "S: 250 mx", f"C: MAIL FROM:<{MAIL}>", "S: 250 ok", f"C: RCPT TO:<{USER}>", f"S: 550 {USER}"]),
    "mail on an odd port": (12345, SMTP + [f"C: AUTH PLAIN {PLAIN}", "S: 235 ok"]),
    "words on 465": (465, SMTP + [f"C: AUTH PLAIN {PLAIN}", "S: 235 ok"]),
    "a line too long": (25, SMTP + [f"C: AUTH PLAIN {'A' * 9000}{PLAIN}{PASSWORD}", "S: 500 no"]),
    "control characters": (25, SMTP + [f"C: AUTH PLAIN \x1b[31m{PLAIN}\x00{PASSWORD}", "S: 500 no"]),
    "STARTTLS with words": (25, SMTP + [f"C: STARTTLS {PASSWORD}", f"S: 501 {PASSWORD}?"]),
    "STARTTLS refused in many words": (25, SMTP + ["C: STARTTLS", f"S: 454 no TLS for {USER}, {PASSWORD}"]),
    "a masked command": (25, SMTP + [f"C: XXXXXXXX {PASSWORD}", f"S: 500 {PASSWORD}"]),
    "an altered command": (25, SMTP + [f"C: STARTTLX {PASSWORD}", f"S: 500 {PASSWORD}"]),
    "login behind STARTTLS": (143, IMAP + [f"C: a STARTTLS\r\nb LOGIN {USER} {PASSWORD}", "S: a OK go"]),
    "an answer behind the go-ahead": (143, IMAP + ["C: a STARTTLS", f"S: a OK go\r\n* OK [ALERT] {PASSWORD}\r\nb OK {USER}"]),
    "STARTTLS required": (587, SMTP + [f"C: MAIL FROM:<{MAIL}>", f"S: 530 5.7.0 Must issue STARTTLS, {USER}"]),
    "REQUIRETLS": (25, SMTP + [f"C: MAIL FROM:<{MAIL}> REQUIRETLS", "S: 250 ok", f"C: RCPT TO:<{MAIL}>", "S: 250 ok", "C: DATA", "S: 354 go", f"C: {TEXT}\r\n.", "S: 250 ok"]),
    "PREAUTH": (143, [f"S: * PREAUTH IMAP4rev1 welcome {USER}", f"C: a SELECT {TEXT}", f"S: * 1 FETCH (BODY[] {{{len(TEXT)}}}\r\n{TEXT})\r\na OK {USER}"]),
    "mailbox data before login": (143, IMAP + [f"S: * LIST () \"/\" {TEXT}\r\n* 3 EXISTS\r\n* 1 FETCH (FLAGS ({TEXT}))", "C: a NOOP", "S: a OK"]),
    "an alert for the user": (143, IMAP + [f"S: * OK [ALERT] {USER}: renew at http://{USER}:{PASSWORD}@new.example.org/?{TOKEN}", "C: a NOOP", "S: a OK"]),
    "a referral": (143, IMAP + ["C: a NOOP", f"S: a NO [REFERRAL imap://{USER};AUTH=*@new.example.org/{TEXT}] go there"]),
    "words for people": (110, [f"S: -ERR [SYS/PERM] see https://{USER}:{PASSWORD}@new.example.org/{TOKEN}", "C: QUIT", "S: +OK"]),
    "HTTP with mail in it": (25, [f"C: POST /{PASSWORD} HTTP/1.1\r\nCookie: {TOKEN}\r\n\r\nEHLO x\r\nMAIL FROM:<{MAIL}>", f"S: 221 {PASSWORD}"]),
    "a message in clear after the go-ahead": (25, SMTP + ["C: STARTTLS", "S: 220 go", f"C: MAIL FROM:<{MAIL}>", "S: 250 ok", "C: DATA", "S: 354 go", f"C: {TEXT}\r\n.", "S: 250 ok"]),
    "not mail": (25, [f"C: GET /{PASSWORD} HTTP/1.1\r\nAuthorization: Basic {b64(USER + ':' + PASSWORD)}", f"S: HTTP/1.1 200 {PASSWORD}"]),
}  # fmt: skip


def listed():
    with open(os.path.join(root, "samples", "CANARIES.txt"), encoding="utf-8") as file:
        return [line.split(" ", 1)[1].rstrip("\n") for line in file if line.strip() and line[0] != "#"]


def check_capture(checks, program, folder, name, path, canaries, settings=SETTINGS):
    """One run for all formats, each in a file of its own."""
    for words in settings:
        outputs = {form: os.path.join(folder, form) for form in FORMATS}
        for form, output in outputs.items():
            words = [*words, "-o", f"file:{output}?format={form}"]
            if os.path.exists(output):
                os.remove(output)
        label = f"{name}: {' '.join(word for word in words if folder not in word and word != '-o')}".rstrip(": ")
        process = run(program, "-r", path, *words)
        checks.check(f"{label}: status", process.returncode == 0, f"{process.returncode} {process.stderr[-200:]!r}")
        found = leaks(process.stdout + process.stderr, canaries)
        checks.check(f"{label}: standard error keeps its secrets", not found, ", ".join(found))
        for form, output in outputs.items():
            with open(output, "rb") as file:
                written = file.read()
            checks.written[form] += len(written)
            if form in ("ecs", "text"):
                checks.check(f"{label}: {form} says something", len(written) > 50)
            found = leaks(written, canaries)
            checks.check(f"{label}: {form} keeps its secrets", not found, ", ".join(found))


def check_report(checks, program, folder, name, path, canaries):
    report = os.path.join(folder, "report.html")
    process = run(program, "-r", path, "--report", report)
    if process.returncode == 2 and b"not available" in process.stderr:
        checks.absent.add("--report")
        return
    found = leaks(open(report, "rb").read(), canaries) if os.path.exists(report) else ["(no report)"]
    checks.check(f"{name}: --report keeps its secrets", not found, ", ".join(found))


def main():
    options = arguments(__doc__, every=True)
    checks = Checks()
    checks.absent = set()
    canaries = listed()
    checks.written = dict.fromkeys(FORMATS, 0)
    with tempfile.TemporaryDirectory() as folder:
        for capture in options.captures:
            settings = SETTINGS if options.all or name_of(capture) in CORE else (SETTINGS[0], SETTINGS[-1])
            check_capture(checks, options.program, folder, os.path.basename(capture), capture, canaries, settings)
        path = os.path.join(folder, "dialogue.pcap")
        for number, (name, (port, lines)) in enumerate(DIALOGUES.items()):
            whole = dialogues.session(port, lines, number)
            secret = next(i for i, s in enumerate(whole) if leaks(s.payload, CANARIES))
            for label, start in (name, 0), (name + ", without its SYN", 3), (name + ", from the secret on", secret):
                pcapio.write(path, dialogues.capture(whole[start:]))
                check_capture(checks, options.program, folder, label, path, CANARIES)
        for capture in options.captures:
            check_report(checks, options.program, folder, os.path.basename(capture), capture, canaries)
    for form, count in checks.written.items():
        checks.check(f"{form} says something", count > 0)
    if checks.absent:
        print("not in this version, so not searched:", " ".join(sorted(checks.absent)))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

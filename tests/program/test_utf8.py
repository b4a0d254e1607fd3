#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever bytes are on the wire, every line is valid UTF-8 and one JSON object, by src/event/schema.json, and the text for
people holds no control character.

Hostile bytes in every text that strangers choose: banner, greeting word, capabilities, mechanisms, replies, the server name
and ALPN of a ClientHello, and the names of certificates.
"""
import json
import os
import struct
import sys
import tempfile

import dialogues
from harness import Checks, arguments, pcapio, root, run
from json_schema import violations
from test_chains import lines_with

HOSTILE = {
    "every byte": bytes(b for b in range(256) if b not in b"\r\n"),
    "high": b"\xff\xfe\x80\xc0\xaf",
    "cut character": "caf\xe9".encode() + b"\xe2\x82",
    "overlong": b"\xc0\x80\xe0\x80\x80\xf0\x80\x80\x80",
    "surrogate": b"\xed\xa0\x80\xed\xbf\xbf",
    "beyond": b"\xf4\x90\x80\x80\xf8\x88\x80\x80\x80",
    "controls": b"\x1b[31m\x00\x07\x08\x9b31m\xc2\x9b31m\x7f",
    "quotes": b"\"\\\"},{\"mailtls\":1}//'<script>&",
    "separators": "\u2028\u2029\u0085\ufeff\u202e".encode(),
    "valid": "Gr\u00fc\u00dfe \U0001f4e7 \u90f5\u4fbf".encode(),
    "long": "\u90f5".encode() * 700,
}
NAME = b"mail.example.org"  # of the certificate; replaced at equal length, so that all lengths stay right


def line(start, hostile, end=b""):
    return start + hostile + end + b"\r\n"


def dialogues_with(h):
    """name -> (port, lines)."""
    greeted = [("S", b"220 mx.example.org ESMTP\r\n"), ("C", b"EHLO c.example.org\r\n")]
    smtp = greeted + [("S", b"250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")]
    return {
        "smtp banner and EHLO": (25, [("S", line(b"220 ", h, b" ESMTP ")), ("C", line(b"EHLO ", h)),
                                      ("S", line(b"250-", h) + line(b"250-", h, b" x") + line(b"250 AUTH ", h))]),
        "smtp software": (25, [("S", line(b"220 mx.example.org ESMTP ", h))] + smtp[1:]),
        "smtp mechanism": (587, smtp + [("C", line(b"AUTH ", h)), ("S", line(b"535 ", h))]),
        "smtp refusal": (25, smtp + [("C", b"STARTTLS\r\n"), ("S", line(b"454 4.7.0 ", h))]),
        "smtp verb": (25, smtp + [("C", line(h, b" x")), ("S", line(b"500 ", h))]),
        "pop3": (110, [("S", line(b"+OK ", h)), ("C", b"CAPA\r\n"), ("S", b"+OK\r\n" + line(h, b" x") + line(b"SASL ", h) + b".\r\n"),
                       ("C", line(b"AUTH ", h)), ("S", line(b"-ERR [", h, b"] no"))]),
        "imap": (143, [("S", line(b"* OK [CAPABILITY IMAP4rev1 AUTH=", h, b"] ready")), ("C", line(b"a AUTHENTICATE ", h)),
                       ("S", line(b"a NO [", h, b"] no")), ("C", line(b"b ID (\"name\" \"", h, b"\")")), ("S", b"b OK\r\n")]),
        "sieve": (4190, [("S", line(b'"IMPLEMENTATION" "', h, b'"') + line(b'"SASL" "', h, b'"') + line(b'"', h, b'"') + b"OK\r\n"),
                         ("C", line(b'AUTHENTICATE "', h, b'"')), ("S", line(b"NO (", h, b") no"))]),
        "lmtp": (24, [("S", line(b"220 ", h, b" LMTP")), ("C", line(b"LHLO ", h)), ("S", line(b"250 ", h))]),
        "foreign": (25, [("C", h), ("S", h)]),
    }  # fmt: skip


def client_hello(server_name, protocols):
    """RFC 5246, 7.4.1.2, with RFC 6066's server name and RFC 7301's ALPN."""
    name = struct.pack(">HBH", len(server_name) + 3, 0, len(server_name)) + server_name
    alpn = b"".join(bytes([len(p)]) + p for p in protocols)
    alpn = struct.pack(">H", len(alpn)) + alpn
    extensions = b"".join(struct.pack(">HH", kind, len(body)) + body for kind, body in ((0, name), (16, alpn)))
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x04\xc0\x2b\xc0\x2f" + b"\x01\0" + struct.pack(">H", len(extensions)) + extensions
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


def tls_with(h):
    """A handshake whose hello and certificate carry the bytes."""
    lines = lines_with("leaf inter")
    same = (h * len(NAME))[: len(NAME)]
    lines = [(side, data.replace(NAME, same).replace(b"Intermediate", same[:12])) for side, data in lines]
    lines[0] = ("C", client_hello(h[:250], [h[:100], h[:1], h[-20:], b"smtp"]))
    return {"tls": (465, lines), "hello alone": (993, [lines[0], ("S", line(b"* BYE ", h))])}


def strings(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def controls(text, allowed=""):
    return [c for c in text if (ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0) and c not in allowed]


def check(checks, options, schema, label, path):
    process = run(options.program, "-r", path, "-q", "--all-tls", "--min-severity", "info")
    checks.check(f"{label}: status", process.returncode == 0, f"{process.returncode} {process.stderr[-300:]!r}")
    lines = process.stdout.split(b"\n")
    checks.check(f"{label}: says something, in whole lines", len(lines) > 2 and lines[-1] == b"")
    for raw in lines[:-1]:
        try:
            event = json.loads(raw.decode("utf-8"))
        except ValueError as error:  # of either kind
            checks.check(f"{label}: a line is JSON in UTF-8", False, f"{error} in {raw[:200]!r}")
            continue
        wrong = violations(schema, event)
        checks.check(f"{label}: by the schema", not wrong, "; ".join(wrong[:3]))
        bad = [text for text in strings(event) if controls(text)]
        checks.check(f"{label}: no control character", not bad, f"{bad[:2]!r:.300}")
    process = run(options.program, "-r", path, "-q", "--all-tls", "--format", "text")
    checks.check(f"{label}: text, status", process.returncode == 0, str(process.returncode))
    try:
        bad = controls(process.stdout.decode("utf-8"), "\n")
        checks.check(f"{label}: text, no control character", not bad, repr(bad[:5]))
    except ValueError as error:
        checks.check(f"{label}: text is UTF-8", False, str(error))


def main():
    options = arguments(__doc__)
    checks = Checks()
    with open(os.path.join(root, "src", "event", "schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "hostile.pcap")
        for kind, hostile in HOSTILE.items():
            for name, (port, lines) in {**dialogues_with(hostile), **tls_with(hostile)}.items():
                pcapio.write(path, dialogues.capture(dialogues.session(port, lines)))
                check(checks, options, schema, f"{kind} in {name}", path)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

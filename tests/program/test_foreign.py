#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is not mail on a mail port is foreign and named by what is spoken, under every cut; and nDPI is asked once a flow at
most, and never about mail (mailtls.stats: sessions.named).
"""
import os
import struct
import sys
import tempfile

import dialogues
from harness import Checks, arguments, cut, events, get, pcapio, run


def ssh_packet(payload):
    padding = 8 - (5 + len(payload)) % 8 + 8
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def kexinit(cookie):
    """RFC 4253, 7.1."""
    names = ["curve25519-sha256,ecdh-sha2-nistp256", "ssh-ed25519,rsa-sha2-512", "aes128-ctr,aes256-ctr", "aes128-ctr,aes256-ctr",
             "hmac-sha2-256", "hmac-sha2-256", "none", "none", "", ""]  # fmt: skip
    lists = b"".join(struct.pack(">I", len(name)) + name.encode() for name in names)
    return ssh_packet(b"\x14" + cookie * 16 + lists + bytes(5))


def tpkt(x224):
    return struct.pack(">BBH", 3, 0, 4 + len(x224)) + x224


SSH = [("S", b"SSH-2.0-OpenSSH_9.2p1\r\n"), ("C", b"SSH-2.0-OpenSSH_8.9\r\n"), ("C", kexinit(b"c")), ("S", kexinit(b"s"))]
# [MS-RDPBCGR] 2.2.1.1 and 2.2.1.2: connection request with a cookie and a negotiation request, and the confirmation.
COOKIE = b"Cookie: mstshash=guest\r\n"
REQUEST = b"\xe0\0\0\0\0\0" + COOKIE + b"\x01\0\x08\0\x03\0\0\0"
RDP = [("C", tpkt(bytes([len(REQUEST)]) + REQUEST)), ("S", tpkt(b"\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0"))]
HTTP = [("C", b"GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"),
        ("S", b"HTTP/1.1 200 OK\r\nServer: test\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")]  # fmt: skip


def handshake(peer):
    """BEP 3, "peer protocol"."""
    return b"\x13BitTorrent protocol" + bytes(8) + b"0123456789abcdefghij" + peer


BITTORRENT = [("C", handshake(b"-TT0001-aaaaaaaaaaaa")), ("S", handshake(b"-TT0002-bbbbbbbbbbbb"))]
# Longer than what nDPI is shown, so that it is asked in the middle.
LONG_HTTP = [("C", HTTP[0][1]), ("S", HTTP[1][1][:-2] + b"x" * 5000), ("C", HTTP[0][1] * 20), ("S", b"y" * 3000)]
FOREIGN = {"ssh": SSH, "rdp": RDP, "http": HTTP, "bittorrent": BITTORRENT, "http, long": LONG_HTTP}
MAIL = {
    25: ["S: 220 mx.example.org ESMTP", "C: EHLO c.example.org", "S: 250 mx.example.org", "C: QUIT", "S: 221 bye"],
    110: ["S: +OK ready", "C: CAPA", "S: +OK\r\nSTLS\r\n.", "C: QUIT", "S: +OK"],
    143: ["S: * OK ready", "C: a CAPABILITY", "S: * CAPABILITY IMAP4rev1\r\na OK", "C: b LOGOUT", "S: * BYE\r\nb OK"],
    4190: ['S: "IMPLEMENTATION" "x"\r\n"SASL" ""\r\nOK', "C: LOGOUT", "S: OK"],
    24: ["S: 220 mx LMTP", "C: LHLO c", "S: 250 mx", "C: QUIT", "S: 221 bye"],
}


def of_stats(kinds):
    return get(kinds["mailtls.stats"][-1], "mailtls.stats.sessions") if kinds.get("mailtls.stats") else {}


def analyse(checks, options, label, path, *words):
    kinds = {}
    for event in events(checks, label, run(options.program, "-r", path, "-q", *words)):
        kinds.setdefault(get(event, "event.dataset"), []).append(event)
    return kinds


def check_foreign(checks, options, folder, name, lines, port):
    path, want = os.path.join(folder, "foreign.pcap"), name.split(",")[0]
    link, frames = pcapio.ETHERNET, None
    pcapio.write(path, dialogues.capture(dialogues.session(port, lines)))
    link, frames = pcapio.read(path)
    for variant_name, variant in cut.VARIANTS.items():
        if variant.kind != "same":
            continue
        for seed in range(options.seeds):
            label = f"{name} on {port}, {variant_name} {seed}"
            pcapio.write(path, variant.apply(link, frames, seed))
            kinds = analyse(checks, options, label, path)
            found = [
                (get(session, "mailtls.mode"), get(session, "network.application"), get(session, "network.protocol"))
                for session in kinds.get("mailtls.session", [])
            ]
            checks.equal(f"{label}: what it is", found, [("foreign", want, None)])
            checks.equal(f"{label}: asked", of_stats(kinds).get("named"), 1)


def check_counts(checks, options, folder):
    """Many flows in one capture: nDPI is asked about each foreign one once, on other ports and about mail never."""
    path, segments, number = os.path.join(folder, "many.pcap"), [], 0
    for port, lines in [*MAIL.items(), (8025, MAIL[25]), *((25, lines) for lines in FOREIGN.values()), (8080, HTTP), (2222, SSH)]:
        segments += dialogues.session(port, lines, number)
        number += 1
    pcapio.write(path, dialogues.capture(segments))
    kinds = analyse(checks, options, "all", path)
    checks.equal("all: asked", of_stats(kinds).get("named"), len(FOREIGN))
    checks.equal("all: let go", of_stats(kinds).get("not_mail"), 2)
    modes = [get(session, "mailtls.mode") for session in kinds["mailtls.session"]]
    checks.equal("all: foreign sessions", modes.count("foreign"), len(FOREIGN))

    for port, lines in [*MAIL.items(), (8025, MAIL[25])]:
        pcapio.write(path, dialogues.capture(dialogues.session(port, lines)))
        kinds = analyse(checks, options, f"mail on {port}", path)
        checks.equal(f"mail on {port}: sessions", [get(s, "mailtls.mode") for s in kinds.get("mailtls.session", [])], ["plaintext"])
        checks.equal(f"mail on {port}: asked", of_stats(kinds).get("named"), 0)
    for capture in options.captures:
        kinds = analyse(checks, options, os.path.basename(capture), capture, "--all-tls")
        foreign = [s for s in kinds.get("mailtls.session", []) if get(s, "mailtls.mode") == "foreign"]
        if not foreign:
            checks.equal(f"{os.path.basename(capture)}: asked", of_stats(kinds).get("named"), 0)


def more(parser):
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds for each variant")


def main():
    options = arguments(__doc__, more=more)
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in FOREIGN.items():
            check_foreign(checks, options, folder, name, lines, 25)
        check_foreign(checks, options, folder, "http", HTTP, 993)
        check_counts(checks, options, folder)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

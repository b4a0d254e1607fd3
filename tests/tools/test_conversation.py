#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""conversation.py makes what it says: sound TCP, handshakes that another dissector reads without a complaint, and the
mischief that a test asks for. Without tshark only the TCP part is checked, and that is said.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import packets  # noqa: E402
import pcapio  # noqa: E402
import pki  # noqa: E402
import tlsbytes as t  # noqa: E402
from conversation import Talk, capture  # noqa: E402

FIELDS = ("frame.number", "tcp.stream", "_ws.expert.message", "_ws.malformed", "tls.handshake.type", "tls.handshake.version",
          "tls.handshake.ciphersuite", "tls.alert_message.desc", "tls.handshake.certificate", "tls.record.content_type",
          "tcp.analysis.lost_segment", "tcp.analysis.retransmission", "ip.ttl", "tls.handshake.extensions_server_name",
          "tls.handshake.p_len", "tls.record.version")  # fmt: skip
HARMLESS = ("Connection ", "This frame ", "This session reuses ")  # what tshark says of any connection
failures = 0


def check(name, good, detail=""):
    global failures
    if not good:
        failures += 1
        print(f"FAIL {name}: {detail}")


def opened(number, **how):
    return Talk(number=number, **how).dialogue("S: 220 mx.example.net ESMTP Postfix", "C: EHLO a.example.org", "S: 250-mx.example.net",
                                               "S: 250 STARTTLS", "C: STARTTLS", "S: 220 2.0.0 Ready")  # fmt: skip


def dissect(path):
    """stream -> list of {field: values} by tshark."""
    words = ["tshark", "-r", path, "-d", "tcp.port==25,smtp", "-T", "json", "-o", "tcp.analyze_sequence_numbers:TRUE"]
    words += [word for field in FIELDS for word in ("-e", field)]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())
    streams = {}
    for packet in json.loads(done.stdout):
        fields = packet["_source"]["layers"]
        streams.setdefault(int(fields["tcp.stream"][0]), []).append(fields)
    return streams


def all_of(stream, field):
    return [value for fields in stream for value in fields.get(field, [])]


def write(folder, talks):
    path = os.path.join(folder, "talks.pcap")
    with open(path, "wb") as file:
        file.write(capture(*talks))
    return path


def check_tcp(folder):
    """Sequence numbers, acknowledgements and checksums of an honest connection, both versions of IP."""
    for ends in {}, {"client": "2001:db8::10", "server": "2001:db8::25"}:
        talk = Talk(**ends)
        talk.server("220 x\r\n").client("EHLO a\r\n", acked=False).server(b"y" * 5000).wait(3)
        link, frames = pcapio.read(write(folder, [talk]))
        found = [packets.parse(link, frame) for frame in frames]
        due = {}
        for s in found:
            check("checksum", packets.checksum_right(s, packets.tcp_bytes(s)), s)
            check("sequence", due.get(s.side(), s.seq) == s.seq, (due, s))
            due[s.side()] = (s.end() + bool(s.flags & (packets.SYN | packets.FIN))) & 0xFFFFFFFF
        client = [s for s in found if s.target_port == 25]
        hello = next(s for s in client if s.payload)
        check("acked=False acknowledges nothing new", hello.ack == client[1].ack, hello)
        check("a write is cut at the MSS", [len(s.payload) for s in found if s.source_port == 25 and s.payload] == [7, 1448, 1448, 1448, 656], "")
        late = [b.time_ns - a.time_ns for a, b in zip(found, found[1:])]
        check("wait", max(late) >= 3 * 10**9, late)
        check("both ends close", sum(1 for s in found if s.flags & packets.FIN) == 2, "")
        check("all is acknowledged at the end", found[-1].ack == due[found[-1].target, found[-1].target_port], found[-1])


def check_mischief(folder):
    talk = Talk().server("220 mx.example.net\r\n").again("server", 4, "other", ttl=9).lose("server", "250 x\r\n").rst("server", ttl=200)
    link, frames = pcapio.read(write(folder, [talk]))
    found = [packets.parse(link, frame) for frame in frames]
    check("other bytes", [(s.payload, s.ttl) for s in found if s.payload] == [(b"220 mx.example.net\r\n", 57), (b"other", 9)], found)
    check("at that offset", found[4].seq == found[3].seq + 4, found)
    check("what is lost is acknowledged", found[5].ack == found[3].end() + 7, found[5])
    check("a reset ends it", found[-1].flags & packets.RST and found[-1].ttl == 200 and len(found) == 7, found[-1])
    talk = Talk(midstream=True).client("x").server("y").only("server").no_fin()
    check("one side, from the middle", [s.payload for s in talk.finish()] == [b"y"], talk.finish())


def check_tls(folder):
    """Every way to make TLS, dissected by tshark: (what, talk, [(field, value that is there)])."""
    number, wanted = 0, []

    def add(name, how, *facts, by_hand=False, junk=False):
        nonlocal number
        talk = opened(number)
        (talk.tls_by_hand if by_hand else talk.tls)(**how)
        wanted.append((name, talk, facts, junk))
        number += 1

    full = tuple(("tls.handshake.type", kind) for kind in ("1", "2", "11", "14", "16"))
    for kind in pki.KINDS:
        add(kind, {"max": "TLSv1.2", "chain": kind}, *full)
    for version, word in ("TLSv1", "0x0301"), ("TLSv1.1", "0x0302"), ("TLSv1.2", "0x0303"):
        add(version, {"max": version}, ("tls.handshake.version", word), *full)
    add("TLS 1.3", {}, ("tls.handshake.ciphersuite", "0x1302"), ("tls.handshake.extensions_server_name", "mx.example.net"))
    add("versions apart", {"client_min": "TLSv1", "client_max": "TLSv1.1", "server_min": "TLSv1.2"}, ("tls.alert_message.desc", "70"))
    add("refused", {"max": "TLSv1.2", "reject": "unknown_ca"}, ("tls.alert_message.desc", "48"))
    add("resumed", {"max": "TLSv1.2", "resume": True}, ("tls.handshake.type", "2"))
    add("client certificate", {"max": "TLSv1.2", "client_chain": "self_signed"}, ("tls.handshake.type", "13"), ("tls.handshake.type", "15"))
    add("weak group", {"max": "TLSv1.2", "ciphers": "DHE-RSA-AES128-SHA", "dh_bits": 1024}, ("tls.handshake.p_len", "128"))
    add("null cipher", {"max": "TLSv1.2", "ciphers": "NULL-SHA"}, ("tls.handshake.ciphersuite", "0x0002"))
    for version in 0x0300, 0x0301, 0x0302, 0x0303:
        add(f"by hand {version:#x}", {"version": version, "cipher": 0xC013}, ("tls.record.version", f"0x{version:04x}"), *full, by_hand=True)
    add("by hand 1.3", {"version": t.TLS13, "cipher": 0x1301}, ("tls.handshake.ciphersuite", "0x1301"), by_hand=True)
    for cipher in 0x0003, 0x0004, 0x0009, 0x000A, 0x0018, 0x0033, 0xC011, 0x0008:
        add(f"by hand {cipher:#x}", {"version": t.TLS10, "cipher": cipher}, ("tls.handshake.ciphersuite", f"0x{cipher:04x}"), by_hand=True)
    add("by hand, 512 bits", {"cipher": 0x0033, "prime": 512}, ("tls.handshake.p_len", "64"), by_hand=True)
    add("by hand, resumed", {"resumed": True}, ("tls.handshake.type", "2"), by_hand=True)
    add("by hand, refused", {"reject": ("server", "handshake_failure")}, ("tls.alert_message.desc", "40"), by_hand=True)
    add("by hand, client's alert", {"reject": ("client", 42)}, ("tls.alert_message.desc", "42"), by_hand=True)
    add("by hand, no certificate", {"request_client": True}, ("tls.handshake.type", "13"), by_hand=True)
    add("heartbeat", {"heartbeat": True, "after": [("client", t.heartbeat(1, 16, 16))]}, ("tls.record.content_type", "24"), by_hand=True)

    for name, talk, _, _ in wanted:
        refused = "refused" in name or "apart" in name or "alert" in name
        check(f"{name}: comes up", talk.tls_up != refused, talk.tls_errors)
    if shutil.which("tshark") is None:
        print("tshark is not installed: handshakes are not dissected")
        return
    streams = dissect(write(folder, [talk for _, talk, _, _ in wanted]))
    for stream, (name, _, facts, _) in enumerate(wanted):
        found = streams[stream]
        wrong = [text for text in all_of(found, "_ws.expert.message") if not text.startswith(HARMLESS)] + all_of(found, "_ws.malformed")
        check(f"{name}: dissects", not wrong, wrong)
        for field, value in facts:
            check(f"{name}: {field}", value in all_of(found, field), f"no {value} in {all_of(found, field)}")


def check_dates():
    """Certificates are as old as the capture says."""
    old = pki.chain("expired", at=pki.BASE - 5 * 365 * pki.DAY)
    text = pki.openssl("x509", "-in", old.parts[0], "-noout", "-dates").decode()
    check("dates follow the capture", "notAfter=Apr 25 00:00:00 2021 GMT" in text, text)
    check("the same again is the same file", pki.chain("expired", at=pki.BASE - 5 * 365 * pki.DAY).ders == old.ders)
    named = pki.chain(issuer_cn="A/B Shield", issuer_o="A+B", san="IP:192.0.2.1,DNS:a.example", key="ec256", send=["leaf", "issuer"])
    text = pki.openssl("x509", "-in", named.parts[0], "-noout", "-issuer", "-ext", "subjectAltName").decode()
    check("issuers have any name", 'O = "A+B", CN = A/B Shield' in text and "192.0.2.1" in text and len(named.ders) == 2, text)
    for kind in pki.KINDS:
        bundle = pki.roots()
        done = subprocess.run(["openssl", "verify", "-CAfile", bundle, "-attime", str(pki.BASE + 7), "-partial_chain", "-untrusted",
                               pki.named("inter")[0], pki.chain(kind).parts[0]], capture_output=True, check=False)  # fmt: skip
        good = {"good", "wrong_name", "cn_only", "wildcard", "long", "weak_key", "sha1", "md5", "ca_leaf", "v1", "no_server_auth",
                "missing_intermediate", "with_root", "wrong_order", "extra", "repeated"}  # fmt: skip
        check(f"{kind}: {'good' if kind in good else 'bad'} for OpenSSL", (done.returncode == 0) == (kind in good), done.stderr.decode())


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_tcp(folder)
        check_mischief(folder)
        check_dates()
        check_tls(folder)
    print(f"{failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

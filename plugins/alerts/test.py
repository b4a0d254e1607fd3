# SPDX-License-Identifier: Apache-2.0
"""Cases of plugins/alerts: alerts by code and sender, refusals that are encrypted, handshakes that hang or make no sense."""
from conversation import Talk, tlsbytes as t

REQUIRED = ["--set", "policy.require_tls=[192.0.2.0/24]"]
ALERT, CLIENT13, SERVER13, CLIENT12 = "tls.alert", "tls13.client_rejected", "tls13.server_rejected", "tls12.client_rejected_encrypted"
STALL, MALFORMED, UNKNOWN = "tls.handshake_stall", "tls.malformed", "tls.unknown_binary"
# code, name, severity, TLSRPT type when the client says it
CODES = [
    (0, "close_notify", "info", None), (10, "unexpected_message", "medium", "validation-failure"), (20, "bad_record_mac", "medium", "validation-failure"),
    (21, "decryption_failed", "medium", "validation-failure"), (22, "record_overflow", "medium", "validation-failure"),
    (30, "decompression_failure", "low", "validation-failure"), (40, "handshake_failure", "medium", "validation-failure"), (41, "no_certificate", "info", None),
    (42, "bad_certificate", "medium", "certificate-not-trusted"), (43, "unsupported_certificate", "medium", "certificate-not-trusted"),
    (44, "certificate_revoked", "high", "certificate-not-trusted"), (45, "certificate_expired", "medium", "certificate-expired"),
    (46, "certificate_unknown", "medium", "certificate-not-trusted"), (47, "illegal_parameter", "high", "validation-failure"),
    (48, "unknown_ca", "medium", "certificate-not-trusted"), (49, "access_denied", "low", "validation-failure"), (50, "decode_error", "medium", "validation-failure"),
    (51, "decrypt_error", "high", "validation-failure"), (60, "export_restriction", "low", "validation-failure"), (70, "protocol_version", "medium", "validation-failure"),
    (71, "insufficient_security", "medium", "validation-failure"), (80, "internal_error", "medium", "validation-failure"),
    (86, "inappropriate_fallback", "medium", "validation-failure"), (90, "user_canceled", "info", None), (100, "no_renegotiation", "info", None),
    (109, "missing_extension", "medium", "validation-failure"), (110, "unsupported_extension", "medium", "validation-failure"),
    (111, "certificate_unobtainable", "low", "validation-failure"), (112, "unrecognized_name", "medium", "validation-failure"),
    (113, "bad_certificate_status_response", "medium", "certificate-not-trusted"), (114, "bad_certificate_hash_value", "low", "validation-failure"),
    (115, "unknown_psk_identity", "info", None), (116, "certificate_required", "medium", "validation-failure"), (117, "general_error", "low", "validation-failure"),
    (120, "no_application_protocol", "medium", "validation-failure"), (121, "ech_required", "info", None), (99, "unassigned", "low", "validation-failure"),
]  # fmt: skip


def starttls(port=25, **how):
    return Talk(port=port, **how).dialogue(
        "S: 220 mx.example.net ESMTP Postfix", "C: EHLO out.example.org", "S: 250-mx.example.net", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go")


def alerts():
    for code, name, severity, tlsrpt in CODES:
        shown = f"{name} ({code})"
        yield f"{name} from the client", starttls().tls_by_hand(t.TLS12, 0xC02F, reject=("client", code)), {
            "only": {ALERT: severity}, "says": {ALERT: [f"{shown} (in logs: 02{code:02x}; fatal)", "198.51.100.10"]}, "evidence": {ALERT: {"side": "client"}},
            "tlsrpt": {ALERT: tlsrpt or "validation-failure"}}
        yield f"{name} from the server", Talk(port=993).tls_by_hand(t.TLS12, 0xC02F, reject=("server", code)), {
            "only": {ALERT: severity}, "says": {ALERT: [f"{shown} (in logs: 02{code:02x}; fatal)", "192.0.2.25", "ServerHello: none"]},
            "evidence": {ALERT: {"side": "server"}}, "tlsrpt": {ALERT: "validation-failure"}}


def offers():
    """ "TLS handshake failure, SSL 6, (0232)": both offers, what they do not share, who said what."""
    yield "nothing in common, OpenSSL", starttls().tls(max="TLSv1.2", client_ciphers="AES128-SHA", server_ciphers="ECDHE-RSA-AES256-GCM-SHA384"), {
        "only": {ALERT: "medium"},
        "says": {ALERT: ["The server mx.example.net (192.0.2.25:25) sent", "handshake_failure (40) (in logs: 0228", "after ClientHello", "TLS_RSA_WITH_AES_128_CBC_SHA",
                         "ServerHello: none", "What they may not share", "forward secrecy"]}, "fix": {ALERT: ["Put both lists side by side"]},
        "session": {"mailtls.verdict": "failed"}}  # fmt: skip
    yield "old client, modern server, OpenSSL", Talk(port=465).tls(client_min="TLSv1", client_max="TLSv1.1", server_min="TLSv1.2", server_max="TLSv1.3"), {
        "only": {ALERT: "medium"}, "says": {ALERT: ["The server", "protocol_version (70)", "What they do not share: a version", "nothing newer than TLS 1.1"]}}
    yield "modern client, old server, OpenSSL", Talk(port=465).tls(client_min="TLSv1.2", client_max="TLSv1.3", server_min="TLSv1", server_max="TLSv1.1"), {
        "only": {ALERT: "medium"}, "says": {ALERT: ["protocol_version (70)", "The client offered TLS 1.3, TLS 1.2"]}}
    yield "a client of TLS 1.2 at a server of TLS 1.3", Talk(port=465).tls(client_max="TLSv1.2", server_min="TLSv1.3"), {
        "only": {ALERT: "medium"}, "says": {ALERT: ["The server", "protocol_version (70)", "The client offered TLS 1.2", "at most, so the server wants TLS 1.3", "!groups"]}, "fix": {ALERT: ["The client has TLS 1.2"]}}
    yield "only weak suites", Talk(port=465).tls_by_hand(t.TLS10, 0x0005, offer=[0x0005, 0x000A, 0x00FF], reject=("server", 40)), {
        "says": {ALERT: ["nothing newer than TLS 1.0", "refuse (RC4, 3DES)", "TLS_RSA_WITH_RC4_128_SHA", "with 2 suites"]}}
    weak = [0x0002, 0x0034, 0x0003, 0x0009, 0x0006, 0x0005, 0x000A, 0x0007, 0x0096]
    yield "weak suites of every kind", Talk(port=465).tls_by_hand(t.TLS12, 0x0005, offer=weak, reject=("server", 71)), {
        "says": {ALERT: ["refuse (NULL, anon, EXPORT, DES, RC2, RC4, 3DES, IDEA, SEED, MD5)", "with 9 suites"]}}
    yield "good suites beside weak ones are not held against it", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, offer=[0x0005, 0xC02F], reject=("server", 40)), {
        "says": {ALERT: ["!not share"]}}
    yield "no name given", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, sni=None, reject=("server", 40)), {"says": {ALERT: ["SNI: none"]}}
    yield "a client certificate was wanted", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, request_client=True, client_certificates=[], stop="client_key").server(t.alert(40)), {
        "says": {ALERT: ["got none (CertificateRequest)", "chose TLS 1.2 with TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}}
    yield "the unreadable hello is a large one", Talk(port=465).tls_by_hand(t.TLS13, 0x1302, reject=("server", 50), extensions=t.extensions_of(
        sni="mx.example.net", versions=[t.TLS13], groups=[0x11EC, 29]) + t.extension(51, t.vector(2, t.words([0x11EC]) + t.vector(2, t.noise(1216)))) + t.extension(21, bytes(400))), {
            "says": {ALERT: ["decode_error (50) (in logs: 0232", "more than one packet", "nothing below TLS 1.3"]}, "fix": {ALERT: ["Update the TLS library of the server"]}}
    yield "the issuer is not known", starttls().tls(max="TLSv1.2", chain="self_signed", reject="unknown_ca"), {
        "only": {ALERT: "medium"}, "says": {ALERT: ["the certificate is self-signed, by CN=mx.example.net", "It was shown a certificate for CN=mx.example.net", "chain of 1", "!intermediate"]}, "fix": {ALERT: ["self-signed one of CN=mx", "!whole chain"]}}
    for words, kind, said, fix in (
        ("an intermediate is missing", "missing_intermediate", "CN=Example Trust TLS CA 1,O=Example Trust Services,C=US, an intermediate, is missing", "missing intermediate"),
        ("a private authority", "unknown_ca", "Unlisted Root CA,O=Unlisted Ltd is no public authority", "public CA"),
        ("a public authority", "good", "leads to a public authority", "Update the client's list"),
    ):
        yield f"the issuer is not known: {words}", Talk(port=993).tls(max="TLSv1.2", chain=kind, reject="unknown_ca"), {
            "says": {ALERT: [said, "!self-signed", "unknown_ca (48)"]}, "fix": {ALERT: [fix]}}
    yield "the issuer is not known, and nobody can check", Talk(port=993).tls(max="TLSv1.2", chain="unknown_ca", reject="unknown_ca"), {
        "says": {ALERT: ["(unknown_ca): it is self-signed or from a private CA"]}, "fix": {ALERT: ["whole chain"]}, "args": ["--set", "x509.ca_bundle="]}
    yield "a date, and the certificate is good", Talk(port=993).tls(max="TLSv1.2", reject="certificate_expired"), {
        "says": {ALERT: ["At the time of this capture it had not", "the client's clock", "!So it has"]}, "fix": {ALERT: ["clock right", "!renew"]}}
    yield "a date, and the certificate is over", Talk(port=993).tls(max="TLSv1.2", chain="expired", reject="certificate_expired"), {
        "says": {ALERT: ["So it has: the certificate was valid until 20", "!clock"]}, "fix": {ALERT: ["renew it", "!clock"]}}
    old, new, middle = (t.client_hello(version, sni="imap.example.net") for version in (t.TLS11, t.TLS13, t.TLS12))
    for words, hello, said in ("ends at TLS 1.1", old, "nothing newer than TLS 1.1"), ("knows TLS 1.2", middle, "too old for TLS 1.2"), ("takes TLS 1.2 and 1.3", new, "nothing below TLS 1.2"):
        yield f"the server closes without a word, the client {words}", Talk(port=993).client(hello).fin("server", answered=False).client(t.alert(50)).fin("client"), {
            "must": {ALERT: "medium"}, "says": {ALERT: ["closed the connection without a word", "decode_error (50)", said, "!cut or changed"]}}
    yield "the same behind STARTTLS", starttls().client(old).fin("server", answered=False).client(t.alert(50)).fin("client"), {
        "must": {ALERT: "medium"}, "says": {ALERT: ["without a word", "nothing newer than TLS 1.1"]}}
    yield "an alert that the server did not wait for", Talk(port=993).client(old + t.alert(50)).fin("client"), {"says": {ALERT: ["!without a word"]}}
    for code in 10, 22:
        yield f"the answer was clear text, {code}", Talk(port=143).client(new).server("* OK IMAP ready\r\n").client(t.alert(code)).fin("client"), {
            "only": {ALERT: "info"}, "says": {ALERT: ["answered in clear text", f"({code})", "!library of"]}, "fix": {ALERT: ["SSL/TLS", "!antivirus"]}}
    yield "clear text behind STARTTLS", starttls().client(new).server("454 TLS not available\r\n").client(t.alert(22)).fin("client"), {
        "must": {ALERT: "info"}, "says": {ALERT: ["answered in clear text"]}}
    yield "on IPv6", Talk(port=993, client="2001:db8::10", server="2001:db8::25").tls_by_hand(t.TLS12, 0xC02F, sni=None, reject=("server", 40)), {
        "says": {ALERT: ["The server [2001:db8::25]:993 sent"]}}
    yield "the name does not fit", Talk(port=993, server_name="imap.example.net").tls(max="TLSv1.2", sni="mail.example.com", reject="bad_certificate"), {
        "only": {ALERT: "medium"}, "says": {ALERT: ["asked for mail.example.com", "names in the certificate are imap.example.net"]}, "fix": {ALERT: ["(imap.example.net)"]}}
    yield "the trimmed hello is noticed", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, offered=t.TLS13, sentinel=t.SENTINEL_TLS12, reject=("client", 47)), {
        "must": {ALERT: "high"}, "says": {ALERT: ["mark DOWNGRD"]}}


def levels():
    up = t.server_hello(t.TLS12, 0xC02F)
    hello = t.client_hello(t.TLS12, sni="other.example")
    rest = t.certificate([t.noise(500)]) + t.key_exchange_ecdhe() + t.server_hello_done()
    talk = Talk(port=465).client(hello).server(t.alert(112, level=1) + up + rest).client(t.client_key_exchange() + t.ccs() + t.finished()).server(t.ccs() + t.finished())
    yield "a warning about the name, and TLS comes up", talk.client(t.encrypted(60)).server(t.encrypted(90)), {
        "only": {ALERT: "low"}, "says": {ALERT: ["(in logs: 0170; warning)", "does not host the name", "(other.example)", "established: yes"]}}
    yield "a warning about the name, and no more", Talk(port=465).client(hello).server(t.alert(112, level=1)), {"only": {ALERT: "low"}}
    talk = Talk(port=465).client(hello).server(up + rest).client(t.alert(46, level=1) + t.client_key_exchange() + t.ccs() + t.finished()).server(t.ccs() + t.finished())
    yield "another warning, and TLS comes up", talk.client(t.encrypted(60)).server(t.encrypted(90)), {"only": {ALERT: "low"}}
    yield "the same alert twice is one", Talk(port=465).client(hello).server(t.alert(40) + t.alert(40)), {"only": {ALERT: "medium"}, "count": {ALERT: 1}}
    yield "two alerts are two", Talk(port=465).client(hello).server(t.alert(112, level=1) + t.alert(40)), {"count": {ALERT: 2}}
    yield "an alert, then the message in clear", starttls().tls_by_hand(t.TLS12, 0xC02F, reject=("client", 48)).dialogue(
        "C: MAIL FROM:<a@example.org>", "S: 250 ok", "C: RCPT TO:<b@example.net>", "S: 250 ok", "C: DATA", "S: 354 go", "C: Subject: x", "C: ", "C: words", "C: .", "S: 250 ok"), {
            "must": {ALERT: "high"}, "session": {"mailtls.verdict": "exposed"}}
    yield "an alert where TLS is required", starttls().tls_by_hand(t.TLS12, 0xC02F, reject=("client", 48)), {"must": {ALERT: "high"}, "args": REQUIRED}
    yield "no alert", starttls().tls(), {"only": {}}
    yield "a close that is encrypted", Talk(port=993).tls(max="TLSv1.2"), {"only": {}}


def flight(cipher=0x1302, tickets=b""):
    size = 53 if cipher in (0x1301, 0x1303) else 45 if cipher == 0x1305 else 69
    return t.server_hello(t.TLS13, cipher, session_id=t.noise(32, "session")) + t.ccs() + t.encrypted(40) + t.encrypted(900) + t.encrypted(281) + t.encrypted(size) + tickets


def begun(cipher=0x1302, port=465):
    return Talk(port=port).client(t.client_hello(t.TLS13, [cipher], sni="mx.example.net")).server(flight(cipher))


def refused_13():
    for cipher, size, who in (0x1302, 19, "GnuTLS"), (0x1301, 19, "NSS"), (0x1302, 35, "Java"), (0x1305, 11, "CCM_8"):
        yield f"refused by the client, {who}", begun(cipher).client((t.ccs() if who != "NSS" else b"") + t.encrypted(size)).fin("client"), {
            "only": {CLIENT13: "medium"}, "confidence": {CLIENT13: 85}, "says": {CLIENT13: [f"record of {size} bytes", "TLS 1.3", "mx.example.net"]},
            "session": {"mailtls.verdict": "failed"}}
    yield "refused by the client, then reset", begun().client(t.ccs() + t.encrypted(19)).rst("client"), {"only": {CLIENT13: "medium"}}
    yield "refused by the client in clear", begun().client(t.alert("unknown_ca")).fin("client"), {
        "only": {CLIENT13: "medium", ALERT: "medium"}, "confidence": {CLIENT13: 99}, "says": {CLIENT13: ["alert unknown_ca (48)"]}}
    yield "refused by the client in clear, other reason", begun(port=993).client(t.alert(42)).rst("client"), {
        "only": {CLIENT13: "medium", ALERT: "medium"}, "says": {CLIENT13: ["alert bad_certificate (42)"]}}
    yield "11 bytes are no alert of GCM", begun(0x1302).client(t.ccs() + t.encrypted(11)).fin("client"), {"only": {}}
    yield "19 bytes in the middle", begun().client(t.ccs() + t.encrypted(69)).server(t.encrypted(250)).client(t.encrypted(19)).server(t.encrypted(80)), {"only": {}}
    yield "19 bytes at the end, both sides", Talk(port=465).tls(min="TLSv1.3"), {"only": {}}
    yield "19 bytes, and the connection stays", begun().client(t.ccs() + t.encrypted(19)).no_fin(), {"only": {}}
    yield "19 bytes, but bytes are missing before", begun().lose("client", t.encrypted(69)).client(t.encrypted(19)).fin("client"), {"only": {}}
    yield "a client that leaves before the server has said all", Talk(port=465).client(t.client_hello(t.TLS13)).server(
        t.server_hello(t.TLS13, 0x1302, session_id=t.noise(32, "session"))).client(t.encrypted(19)).fin("client"), {"only": {}}

    for size in 19, 35:
        yield f"refused by the server, {size} bytes", begun().client(t.ccs() + t.encrypted(69)).server(t.encrypted(size)).fin("server"), {
            "only": {SERVER13: "medium"}, "confidence": {SERVER13: 75}, "says": {SERVER13: [f"record of {size} bytes", "TLS_AES_256_GCM_SHA384", "!already sent"]},
            "session": {"mailtls.verdict": "failed"}}
    yield "refused by the server, the client had gone on", begun(0x1301).client(t.ccs() + t.encrypted(25) + t.encrypted(53)).client(t.encrypted(45), acked=False).server(t.encrypted(19)).rst("server"), {
        "only": {SERVER13: "medium"}, "says": {SERVER13: ["already sent data (a record of 45 bytes)", "TLS_AES_128_GCM_SHA256"]}}
    yield "both send 19 bytes and close", begun().client(t.ccs() + t.encrypted(69)).client(t.encrypted(19)).server(t.encrypted(19)).fin("client"), {"only": {}}
    yield "tickets came", begun().client(t.ccs() + t.encrypted(69)).server(t.encrypted(250) + t.encrypted(19)).fin("server"), {"only": {}}
    yield "refused by the server, no end seen", begun().client(t.ccs() + t.encrypted(69)).server(t.encrypted(19)).no_fin(), {"only": {}}
    yield "client certificate wanted, OpenSSL's sizes", begun(0x1302, 993).client(t.ccs() + t.encrypted(25) + t.encrypted(69)).server(t.encrypted(19)).fin("server"), {
        "only": {SERVER13: "medium"}, "fix": {SERVER13: ["client certificates"]}}


def refused_12():
    def talk(cipher, size, version=t.TLS12, late=True, etm=False, data=b"", port=465):
        made = Talk(port=port).client(t.client_hello(version, [cipher], sni="mx.example.net", etm=etm)).server(
            t.server_hello(version, cipher, etm=etm) + t.certificate([t.noise(500)], version) + t.server_hello_done(version))
        done = t.client_key_exchange(version) + t.ccs(version) + t.finished(version)
        switch = t.ccs(version) + t.finished(version)
        if late:
            return made.client(done + data + t.encrypted(size, t.ALERT, version)).server(switch, acked=False).fin("client")
        return made.client(done).server(switch).client(data + t.encrypted(size, t.ALERT, version)).fin("client")

    for words, cipher, size, how in (
        ("AES-GCM", 0xC02F, 26, {}), ("CCM_8", 0xC0A0, 18, {}), ("ChaCha20", 0xCCA8, 18, {}), ("CBC-SHA", 0x002F, 48, {}), ("CBC-SHA with EtM", 0x002F, 52, {"etm": True}),
        ("CBC-SHA256", 0x003C, 64, {}), ("CBC-SHA256 with EtM", 0x003C, 64, {"etm": True}), ("CBC-SHA in TLS 1.0", 0x002F, 32, {"version": t.TLS10}),
        ("RC4-SHA", 0x0005, 22, {}), ("RC4-MD5", 0x0004, 18, {}), ("3DES", 0x000A, 32, {}), ("CBC-SHA384", 0xC028, 80, {}),
    ):  # fmt: skip
        yield f"refused after Finished, {words}", talk(cipher, size, **how), {
            "only": {CLIENT12: "medium"}, "confidence": {CLIENT12: 80}, "says": {CLIENT12: [f"record of {size} bytes", f"has {size})"]}, "session": {"mailtls.verdict": "failed"}}
    yield "another length than an alert's", talk(0xC02F, 90), {"only": {CLIENT12: "medium"}, "confidence": {CLIENT12: 60}, "says": {CLIENT12: ["90 bytes", "has 26)"]}}
    yield "a health check: complete, then closed", talk(0xC02F, 26, late=False), {"only": {}, "session": {"mailtls.verdict": "protected"}}
    yield "data before the alert", talk(0xC02F, 26, data=t.encrypted(60)), {"only": {}}
    yield "no end seen", Talk(port=465).client(t.client_hello(t.TLS12)).server(
        t.server_hello(t.TLS12, 0xC02F) + t.server_hello_done()).client(t.client_key_exchange() + t.ccs() + t.finished() + t.encrypted(26, t.ALERT)).no_fin(), {"only": {}}
    yield "only the client seen", talk(0xC02F, 26).only("client"), {"only": {}}


def stalls():
    hello = t.client_hello(t.TLS13, sni="mx.example.net")
    yield "no answer, STARTTLS", starttls().client(hello).wait(31).fin("client"), {
        "only": {STALL: "low"}, "says": {STALL: ["31 seconds", "up to TLS 1.3", "The client then closed", "mx.example.net"]}, "session": {"mailtls.verdict": "failed"}}
    yield "no answer, implicit, reset by the server", Talk(port=993).client(t.client_hello(t.TLS12)).wait(12).rst("server"), {
        "only": {STALL: "low"}, "says": {STALL: ["12 seconds", "up to TLS 1.2", "The server then closed"]}}
    yield "no answer for a short time", Talk(port=993).client(hello).wait(5).fin("client"), {"only": {}}
    yield "a slow answer", Talk(port=993).client(hello).wait(15).server(flight()), {"only": {}}
    yield "an answer in clear", Talk(port=25).client(hello).wait(15).server("220 mx.example.net ESMTP\r\n").wait(12).fin("client"), {"only": {}}
    yield "STARTTLS not accepted", Talk(port=25).dialogue("S: 220 mx.example.net", "C: EHLO a", "S: 250 mx.example.net").client(hello).wait(20).fin("client"), {"must_not": [STALL]}
    yield "the server is gone: nothing is acknowledged", Talk(port=993).client(hello).rst("client"), {"only": {}}
    gone = Talk(port=993).client(hello)
    gone.time_ns += 20 * 10**9
    yield "the same, after a long time", gone.rst("client"), {"only": {}}
    yield "only the client is in the capture", Talk(port=993).client(hello).wait(20).fin("client").only("client"), {"only": {}}
    large = t.client_hello(t.TLS13, extensions=t.extensions_of(sni="mx.example.net", versions=[t.TLS13], groups=[0x11EC, 29]) + t.extension(
        51, t.vector(2, t.words([0x11EC]) + t.vector(2, t.noise(1216)))) + t.extension(21, bytes(400)))
    dropped = Talk(port=993).client(large[:1448]).ack("server")
    dropped.client(large[1448:])
    for _ in range(4):
        dropped.time_ns += 4 * 10**9
        dropped.again("client", 1448, large[1448:])
    yield "the second packet of the hello is lost on the way", dropped.rst("client"), {
        "only": {STALL: "low"}, "says": {STALL: ["only 1448 were acknowledged", "X25519MLKEM768"]}, "fix": {STALL: ["firewall"]}}


def senseless():
    short = bytearray(t.client_hello(t.TLS12, sni="mx.example.net"))
    short[44 : 46] = b"\x7f\xfe"  # the length of the list of suites
    yield "a hello that contradicts itself", Talk(port=465).client(bytes(short)).fin("client"), {"only": {MALFORMED: "low"}, "says": {MALFORMED: ["hello of the client"]}}
    yield "an alert of three bytes", Talk(port=993).client(t.client_hello(t.TLS12)).server(t.record(t.ALERT, b"\2\50\0")), {
        "only": {MALFORMED: "low"}, "says": {MALFORMED: ["The server", "type 21"]}, "evidence": {MALFORMED: {"side": "server"}}}
    yield "a type of record that does not exist", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, stop="server_done").client(b"\xaa\xbb\xcc\xdd\xee\xff"), {
        "only": {MALFORMED: "low"}, "says": {MALFORMED: ["The client", "type 170", "TLS 1.2"]}}
    yield "both sides send nonsense", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, stop="server_done").client(b"\xaa\xbb\xcc\xdd\xee\xff").server(b"\xaa\xbb\xcc\xdd\xee\xff"), {
        "only": {MALFORMED: "medium"}, "says": {MALFORMED: ["2 times"]}}
    yield "a client that begins with a Certificate", Talk(port=465).client(t.certificate([t.noise(300)])).fin("client"), {"only": {MALFORMED: "low"}, "says": {MALFORMED: ["holds no hello"]}}
    yield "the same, captured from the middle", Talk(port=465, midstream=True).client(t.certificate([t.noise(300)])).fin("client"), {"only": {}}
    whole = t.client_hello(t.TLS12, sni="mx.example.net")
    yield "the capture ends within the hello", Talk(port=465).client(whole[:80]).no_fin(), {"only": {}}
    yield "the client hangs up within its hello", Talk(port=465).client(whole[:80]).fin("client"), {"only": {}}
    yield "a gap is no malformed record", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, stop="server_done").lose("client", t.noise(80)).client(b"\xaa\xbb\xcc\xdd\xee\xff"), {"only": {}}
    yield "clear text after TLS is another matter", starttls().tls_by_hand(t.TLS12, 0xC02F, stop="server_done").client("QUIT\r\n"), {"must_not": [MALFORMED]}

    noise = bytes([0xF1, 0x02, 0x03, 0x99, 0x05]) + t.noise(60)
    yield "neither TLS nor text, on a mail port", Talk(port=465).client(noise).server(noise).fin("client"), {
        "only": {UNKNOWN: "info"}, "says": {UNKNOWN: ["65 from the client", "192.0.2.25:465"]}}
    yield "neither TLS nor text behind STARTTLS", starttls().client(noise).fin("client"), {"only": {UNKNOWN: "info"}, "says": {UNKNOWN: ["agreed to TLS (220)", "mx.example.net"]}}
    yield "text behind STARTTLS", starttls().client("QUIT\r\n").server("221 bye\r\n"), {"only": {}}
    yield "nothing behind STARTTLS", starttls().fin("client"), {"only": {}}
    yield "something that has a name", Talk(port=25).server("SSH-2.0-OpenSSH_9.2\r\n").client("SSH-2.0-PuTTY_0.78\r\n").server(t.noise(300)), {"only": {}}


def cases():
    for group in alerts, offers, levels, refused_13, refused_12, stalls, senseless:
        yield from group()

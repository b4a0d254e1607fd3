# SPDX-License-Identifier: Apache-2.0
"""Cases of plugins/tls_features: each rule with what fires it and what looks like it."""
from conversation import Talk, tlsbytes as t

REQUIRED = ["--set", "policy.require_tls=[192.0.2.0/24]"]
NOISE = t.noise(32, "session")


def starttls(port=25, **how):
    return Talk(port=port, **how).dialogue(
        "S: 220 mx.example.net ESMTP Postfix", "C: EHLO out.example.org", "S: 250-mx.example.net", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go")


def hand(port=465, version=t.TLS12, cipher=0xC02F, **how):
    return Talk(port=port).tls_by_hand(version, cipher, **how)


def hardening():
    yield "no extended master secret, access", hand(993, ems=True, server_ems=False), {
        "only": {"tls.ems.missing": "low"}, "says": {"tls.ems.missing": ["198.51.100.10", "TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}}
    yield "the same, submission", hand(465, ems=True, server_ems=False), {"only": {"tls.ems.missing": "info"}}
    yield "the same, TLS 1.0", hand(995, t.TLS10, 0xC014, ems=True, server_ems=False), {"only": {"tls.ems.missing": "low"}, "says": {"tls.ems.missing": ["TLS 1.0"]}}
    yield "the client does not offer it", hand(993, ems=False, server_ems=False), {"only": {}}
    yield "both have it", hand(993, ems=True), {"only": {}}
    yield "resumed", hand(993, ems=True, server_ems=False, resumed=True), {"only": {"tls.resumed": "info"}}
    yield "SSL 3.0 has no extensions", hand(993, t.SSL3, 0x002F, offered=t.TLS12, ems=True), {"must_not": ["tls.ems.missing"]}
    yield "TLS 1.3 needs it no more", hand(993, t.TLS13, 0x1302, ems=True), {"only": {}}

    rule = "tls.reneg.insecure"
    yield "renegotiation not confirmed", starttls().tls_by_hand(t.TLS12, 0xC02F, server_renegotiation=False), {
        "only": {rule: "medium"}, "says": {rule: ["asked for protected renegotiation", "TLS 1.2"]}, "fix": {rule: ["NO_RENEGOTIATION"]}}
    yield "signalled as a suite, not confirmed", hand(465, t.TLS10, 0xC014, offer=[0xC014, 0x00FF], renegotiation=False, server_renegotiation=False), {
        "only": {rule: "medium"}, "says": {rule: ["TLS 1.0"]}}
    yield "SSL 3.0, not confirmed", hand(465, t.SSL3, 0x002F, offer=[0x002F, 0x00FF]), {"must": {rule: "medium"}}
    yield "the client signals nothing", hand(465, renegotiation=False), {"only": {rule: "info"}, "says": {rule: ["does not say that it knows", "TLS 1.2"]}, "fix": {rule: ["Update the client"]}}
    yield "confirmed, OpenSSL", starttls().tls(max="TLSv1.2"), {"only": {}}
    yield "the server alone", hand(465, server_renegotiation=False).only("server"), {"only": {}}
    yield "TLS 1.3", hand(465, t.TLS13, 0x1302), {"only": {}}
    yield "not confirmed where TLS is required", starttls().tls_by_hand(t.TLS12, 0xC02F, server_renegotiation=False), {"must": {rule: "high"}, "args": REQUIRED}


def renegotiation():
    rule = "tls.renegotiation"
    again = [("client", t.encrypted(300, t.HANDSHAKE)), ("server", t.encrypted(1500, t.HANDSHAKE))]
    yield "renegotiated by the client", hand(after=again), {"only": {rule: "low"}, "says": {rule: ["The client began", "300 bytes"]}, "evidence": {rule: {"side": "client"}}}
    yield "renegotiated by the server", starttls().tls_by_hand(t.TLS12, 0xC02F, after=[("server", t.encrypted(28, t.HANDSHAKE))]), {
        "only": {rule: "low"}, "says": {rule: ["The server began", "28 bytes"]}}
    yield "data only", hand(), {"only": {}}
    yield "tickets in TLS 1.3", Talk(port=465).tls(min="TLSv1.3"), {"only": {}}
    yield "a ticket in TLS 1.2", Talk(port=465).tls(max="TLSv1.2"), {"only": {}}
    yield "captured from the middle, at the end of the handshake", Talk(port=465, midstream=True).client(
        t.client_key_exchange() + t.ccs() + t.finished()).server(t.ccs() + t.finished()).client(t.encrypted(60)).server(t.encrypted(80)), {"only": {}}


def options():
    rule = "tls.compression"
    yield "compression chosen", hand(compression=b"\1\0", server_compression=1), {
        "only": {rule: "high"}, "says": {rule: ["compress data", "TLS 1.2"]}, "session": {"mailtls.verdict": "weak"}}
    yield "compression offered", starttls().tls_by_hand(t.TLS11, 0xC014, compression=b"\1\0"), {"only": {rule: "info"}, "says": {rule: ["TLS 1.1) offers", "did not take it"]}}
    yield "compression offered, no answer", hand(compression=b"\1\0", stop="client_hello"), {"only": {rule: "info"}, "says": {rule: ["TLS 1.2) offers", "did not take it."]}}
    yield "no compression", hand(), {"only": {}}
    rule = "tls.truncated_hmac"
    short = t.extension(0xFF01, b"\0") + t.extension(4)
    yield "shortened check", hand(server_extensions=short), {"only": {rule: "medium"}, "says": {rule: ["80 bits", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}}
    yield "shortened check, other suite", starttls().tls_by_hand(t.TLS10, 0xC014, server_extensions=short), {"only": {rule: "medium"}, "says": {rule: ["TLS 1.0"]}}
    yield "shortened check only offered", hand(extensions=t.extensions_of(sni="mx.example.net") + t.extension(4)), {"only": {}}


def heartbeats():
    agreed, bleed, success = "tls.heartbeat.enabled", "tls.heartbleed.attempt", "tls.heartbleed.success"
    yield "heartbeat agreed", hand(heartbeat=True), {"only": {agreed: "info"}, "says": {agreed: ["198.51.100.10", "TLS 1.2"]}}
    yield "heartbeat agreed, TLS 1.1", starttls().tls_by_hand(t.TLS11, 0xC014, heartbeat=True), {"only": {agreed: "info"}, "says": {agreed: ["mx.example.net", "TLS 1.1"]}}
    yield "heartbeat only offered", hand(heartbeat=True, server_heartbeat=False), {"only": {}}

    def clear(*beats, port=465):
        talk = Talk(port=port).tls_by_hand(t.TLS12, 0xC02F, heartbeat=True, stop="server_done")
        for side, beat in beats:
            talk.send(side, beat)
        return talk

    bad = t.heartbeat(1, claimed=16384, payload=0, padding=0)
    yield "Heartbleed tried", clear(("client", bad)), {
        "only": {agreed: "info", bleed: "high"}, "says": {bleed: ["The client 198.51.100.10 sent", "16384 bytes"]}, "evidence": {bleed: {"side": "client"}}}
    yield "Heartbleed tried, other length", clear(("client", t.heartbeat(1, claimed=300, payload=20, padding=16)), port=993), {
        "only": {agreed: "info", bleed: "high"}, "says": {bleed: ["300 bytes"]}}
    yield "Heartbleed against the client", clear(("server", bad)), {"only": {agreed: "info", bleed: "high"}, "says": {bleed: ["The server", "against a client's memory"]}}
    yield "Heartbleed worked", clear(("client", bad), ("server", t.heartbeat(2, claimed=16384, payload=16000, padding=16))), {
        "only": {agreed: "info", bleed: "high", success: "critical"}, "says": {success: ["heartbeat of the client that claims 16384", "the server answered with 16384"]},
        "session": {"mailtls.verdict": "tampered"}}
    yield "honest heartbeats", clear(("client", t.heartbeat()), ("server", t.heartbeat(2))), {"only": {agreed: "info"}}
    yield "an answer with more padding", clear(("client", t.heartbeat()), ("server", t.heartbeat(2, padding=40))), {"only": {agreed: "info"}}
    yield "tried and not answered, then an honest one", clear(("client", bad), ("client", t.heartbeat()), ("server", t.heartbeat(2))), {"only": {agreed: "info", bleed: "high"}}

    def hidden(asked, answered):
        return hand(heartbeat=True, after=[("client", t.encrypted(asked, t.HEARTBEAT)), ("server", t.encrypted(answered, t.HEARTBEAT))])

    for cipher, honest in (0xC02F, 27), (0x002F, 48), (0x003C, 64), (0x000A, 40):
        beat = [("client", t.encrypted(honest, t.HEARTBEAT))]
        yield f"shortest honest heartbeat, {cipher:04x}", hand(993, t.TLS12, cipher, heartbeat=True, after=beat), {"must_not": [bleed]}
        beat = [("client", t.encrypted(honest - 1, t.HEARTBEAT))]
        yield f"one byte less, {cipher:04x}", hand(993, t.TLS12, cipher, heartbeat=True, after=beat), {
            "must": {bleed: "high"}, "says": {bleed: [f"{honest - 1} bytes", f"at least {honest}"]}, "confidence": {bleed: 75}}
    yield "RC4 tells nothing", hand(993, t.TLS12, 0x0005, heartbeat=True, after=[("client", t.encrypted(23, t.HEARTBEAT))]), {"must_not": [bleed]}
    yield "tried by a short record, and worked", hidden(20, 16400), {"must": {bleed: "high", success: "critical"}, "confidence": {success: 95}}
    yield "Heartbleed worked, encrypted", hidden(60, 16400), {
        "only": {agreed: "info", success: "critical"}, "says": {success: ["record of 60 bytes by the client", "of 16400 bytes"]}, "confidence": {success: 80}}
    yield "encrypted heartbeats of one size", hidden(60, 60), {"only": {agreed: "info"}}
    yield "encrypted heartbeats with other padding", hidden(60, 330), {"only": {agreed: "info"}}


def early():
    rule = "tls.early_data"
    extensions = t.extensions_of(sni="mx.example.net", groups=[29], signatures=[0x0804], versions=[t.TLS13], key_share=29) + t.extension(42) + t.extension(41, t.noise(80))
    hello = t.client_hello(t.TLS13, session_id=NOISE, extensions=extensions)
    answer = t.server_hello(t.TLS13, 0x1301, session_id=NOISE, extensions=t.extension(43, t.words([t.TLS13])) + t.extension(51, b"\0\x1d\0\x20" + t.noise(32)) + t.extension(41, b"\0\0"))
    yield "early data", Talk(port=465).client(hello + t.ccs() + t.encrypted(77)).server(answer + t.ccs() + t.encrypted(40) + t.encrypted(53)).client(t.encrypted(53)).client(
        t.encrypted(60)).server(t.encrypted(70)), {"only": {rule: "low", "tls.resumed": "info"}, "says": {rule: ["record of 77 bytes", "TLS 1.3"]}}
    chance = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
    retry = t.server_hello(t.TLS12, 0x1301, session_id=NOISE, extensions=t.extension(43, t.words([t.TLS13])) + t.extension(51, b"\0\x17")).replace(t.noise(32, "S"), chance)
    second = t.client_hello(t.TLS13, sni="mx.example.net", session_id=NOISE, key_share=23)
    yield "early data that is not taken", Talk(port=465).client(hello + t.ccs() + t.encrypted(88)).server(retry).client(second).server(
        t.server_hello(t.TLS13, 0x1301, session_id=NOISE) + t.encrypted(40) + t.encrypted(53)), {"only": {rule: "info"}, "says": {rule: ["record of 88 bytes", "second hello"]}}
    yield "offered only", Talk(port=465).client(hello).server(answer + t.ccs() + t.encrypted(40) + t.encrypted(53)).client(t.ccs() + t.encrypted(53)).client(t.encrypted(60)).server(
        t.encrypted(70)), {"only": {"tls.resumed": "info"}}


def resumption():
    rule = "tls.resumed"
    yield "resumed, TLS 1.2 by OpenSSL", starttls().tls(max="TLSv1.2", resume=True), {"only": {rule: "info"}, "says": {rule: ["mx.example.net", "TLS 1.2", "!key"]}}
    yield "resumed, TLS 1.3 by OpenSSL", Talk(port=993).tls(min="TLSv1.3", resume=True), {"only": {rule: "info"}, "says": {rule: ["TLS 1.3", "pre-shared key"]}}
    yield "resumed, TLS 1.0", hand(465, t.TLS10, 0xC014, resumed=True), {"only": {rule: "info"}, "says": {rule: ["TLS 1.0"]}}
    yield "a full handshake of TLS 1.3 echoes a session id", Talk(port=465).tls(min="TLSv1.3"), {"only": {}}
    yield "a full handshake with an echoed session id", hand(session_id=NOISE, server=t.server_hello(t.TLS12, 0xC02F, session_id=NOISE)), {"only": {}}


def client_certificates():
    asked, sent, none = "tls.client_cert.requested", "tls.client_cert.sent", "tls.client_cert.none"
    yield "asked and shown, TLS 1.2", starttls().tls(max="TLSv1.2", client_chain="good"), {
        "only": {asked: "info", sent: "info"}, "says": {asked: ["mx.example.net", "TLS 1.2"], sent: ["CN=client.example.org"]}}
    yield "asked and shown, TLS 1.3", Talk(port=465).tls(min="TLSv1.3", client_chain="good"), {
        "only": {asked: "info", sent: "info"}, "says": {asked: ["By the sizes", "TLS 1.3"], sent: ["By the sizes"]}, "confidence": {sent: 75, asked: 75}}
    yield "asked, none shown, TLS 1.2", Talk(port=465).tls(max="TLSv1.2", request_client=True), {
        "only": {asked: "info", none: "info"}, "says": {none: ["had none", "TLS 1.2"]}, "confidence": {none: 99}}
    yield "asked, none shown, TLS 1.3", starttls().tls(min="TLSv1.3", request_client=True), {"only": {asked: "info", none: "info"}, "says": {none: ["By the sizes", "TLS 1.3"]}}
    yield "asked, none shown, TLS 1.3 with SHA-256", Talk(port=465).tls_by_hand(t.TLS13, 0x1301, stop="server_hello").server(
        t.ccs() + t.encrypted(40) + t.encrypted(62) + t.encrypted(900) + t.encrypted(281) + t.encrypted(53)).client(t.ccs() + t.encrypted(25) + t.encrypted(53)).server(t.encrypted(200)), {
            "only": {asked: "info", none: "info"}}
    yield "asked, and no answer yet", hand(request_client=True, stop="server_done"), {"only": {asked: "info"}}
    yield "not asked, TLS 1.2", starttls().tls(max="TLSv1.2"), {"only": {}}
    yield "not asked, TLS 1.3, a small first line", Talk(port=465).tls(min="TLSv1.3", data=[("client", 8), ("server", 300), ("client", 240)]), {"only": {}}


def names():
    yield "hidden hello", hand(465, t.TLS13, 0x1302, extensions=t.extensions_of(sni="outer.example", groups=[29], versions=[t.TLS13], key_share=29) + t.extension(0xFE0D, t.noise(90))), {
        "only": {"tls.ech": "info"}, "says": {"tls.ech": ["TLS 1.3", "outer.example"]}}
    yield "hidden hello without a name outside", hand(465, t.TLS13, 0x1302, extensions=t.extensions_of(groups=[29], versions=[t.TLS13], key_share=29) + t.extension(0xFE0D, t.noise(90))), {
        "only": {"tls.ech": "info"}, "says": {"tls.ech": ["!outside"]}}
    rule = "tls.alpn.odd"
    for chosen in "http/1.1", "h2", "http/1.0":
        yield f"{chosen} on a relay", starttls().tls(max="TLSv1.2", alpn=[chosen, "imap"], server_alpn=[chosen]), {
            "only": {rule: "low"}, "says": {rule: [f"speak {chosen} inside this SMTP", f"offered {chosen}, imap"]}}
    yield "h2 on an implicit port", Talk(port=993).tls(max="TLSv1.2", alpn=["h2"]), {"only": {rule: "low"}}
    yield "imap chosen", Talk(port=993).tls(max="TLSv1.2", alpn=["imap"]), {"only": {}}
    yield "h2 offered, imap chosen", Talk(port=993).tls(max="TLSv1.2", alpn=["h2", "imap"], server_alpn=["imap"]), {"only": {}}
    rule = "tls.sni.missing"
    yield "no name, access", Talk(port=993).tls(sni=None), {"only": {rule: "info"}, "says": {rule: ["TLS 1.3", "192.0.2.25:993"]}}
    yield "no name, submission", starttls(587).tls(sni=None, max="TLSv1.2"), {"only": {rule: "info"}, "says": {rule: ["TLS 1.2", ":587"]}}
    yield "no name, relay", starttls().tls(sni=None), {"only": {}}
    yield "a name", starttls(587).tls(), {"only": {}}
    yield "a hello that could not be read whole", Talk(port=465).client(t.message(1, b"\3\3" + t.noise(32) + b"\0\0\4\xc0\x2f\0\x2f\1\0\0\xff" + t.noise(40))), {"must_not": [rule]}


def cases():
    for group in hardening, renegotiation, options, heartbeats, early, resumption, client_certificates, names:
        yield from group()

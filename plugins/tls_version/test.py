# SPDX-License-Identifier: Apache-2.0
"""Cases of plugins/tls_version: versions offered and chosen, the whole sentinel table, signals of a retry."""
from conversation import Talk, tlsbytes as t

REQUIRED = ["--set", "policy.require_tls=[192.0.2.0/24]"]
S1, S0 = t.SENTINEL_TLS12, t.SENTINEL_TLS11
OLD, NEW = "tls.version.client_max_obsolete", "tls.version.negotiated_obsolete"


def starttls(port=25, software="ESMTP Postfix", **how):
    return Talk(port=port, **how).dialogue(
        f"S: 220 mx.example.net {software}", "C: EHLO out.example.org", "S: 250-mx.example.net", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go")


def negotiated():
    for name, severity, relay in ("TLSv1", "medium", "low"), ("TLSv1.1", "medium", "low"):
        shown = name.replace("TLSv1.1", "TLS 1.1").replace("TLSv1", "TLS 1.0")
        yield f"{name} with a client that knows no more, submission", Talk(port=465).tls(max=name), {
            "only": {NEW: severity, OLD: "medium"}, "says": {NEW: [shown, "The limit is the client's"], OLD: [shown, "198.51.100.10"]},
            "session": {"mailtls.verdict": "weak"}}
        yield f"{name} of the server, relay", starttls().tls(client_min="TLSv1", client_max="TLSv1.3", server_min="TLSv1", server_max=name), {
            "only": {NEW: relay, "tls.version.offered_obsolete": "info"},
            "says": {NEW: [shown, "up to TLS 1.3", "limit is on the server's side"]}, "fix": {NEW: ["smtpd_tls_protocols", "Update the TLS library"]},
            "evidence": {NEW: {"side": "server"}}}
    yield "old version on a relay that must use TLS", starttls().tls(client_min="TLSv1", client_max="TLSv1.2", server_min="TLSv1", server_max="TLSv1.1"), {
        "must": {NEW: "high"}, "args": REQUIRED}
    yield "old version, access", Talk(port=993, server_name="imap.example.net").tls(client_min="TLSv1", client_max="TLSv1.2", server_min="TLSv1", server_max="TLSv1"), {
        "must": {NEW: "medium"}, "says": {NEW: ["imap.example.net", "TLS 1.0"]}}
    yield "SSL 3.0 chosen, submission", Talk(port=465).tls_by_hand(t.SSL3, 0x002F, offered=t.TLS12), {
        "only": {NEW: "high"}, "says": {NEW: ["SSL 3.0", "TLS 1.2", "server's side"]}}
    yield "SSL 3.0 chosen, relay", starttls().tls_by_hand(t.SSL3, 0x002F), {"only": {NEW: "medium", OLD: "low"}}
    yield "only the server is in the capture", Talk(port=465).tls_by_hand(t.TLS10, 0x002F).only("server"), {
        "only": {NEW: "medium"}, "says": {NEW: ["is not in the capture", "!limit is"]}}
    yield "the client refuses what the server chose", Talk(port=465).tls_by_hand(t.TLS10, 0x002F, offered=t.TLS12, reject=("client", "protocol_version")), {
        "only": {NEW: "medium"}, "session": {"mailtls.verdict": "failed"}}
    yield "TLS 1.0 resumed", Talk(port=465).tls_by_hand(t.TLS10, 0x002F, offered=t.TLS12, resumed=True), {"only": {NEW: "medium"}}
    yield "TLS 1.3", Talk(port=465).tls(), {"only": {}, "session": {"mailtls.verdict": "protected"}}
    yield "TLS 1.2", starttls().tls(max="TLSv1.2"), {"only": {}}
    yield "a draft of TLS 1.3", Talk(port=465).tls_by_hand(
        t.TLS13, 0x1301, versions=[0x7F1C, t.TLS12],
        server=t.server_hello(t.TLS12, 0x1301, session_id=t.noise(32, "session"), extensions=t.extension(43, t.words([0x7F1C])) + t.extension(51, b"\0\x1d\0\x20" + t.noise(32)))), {
            "only": {}, "session": {"tls.version": "1.3-draft28"}}


def offered():
    yield "old versions beside new ones", Talk(port=465).tls(min="TLSv1", max="TLSv1.3"), {
        "only": {"tls.version.offered_obsolete": "info"}, "says": {"tls.version.offered_obsolete": ["prefers TLS 1.3", "down to TLS 1.0"]}}
    yield "one old version beside a new one", starttls().tls(min="TLSv1.1", max="TLSv1.3"), {
        "only": {"tls.version.offered_obsolete": "info"}, "says": {"tls.version.offered_obsolete": ["TLS 1.3, TLS 1.2, TLS 1.1", "down to TLS 1.1"]}}
    yield "a hello of TLS 1.2 without a list", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F), {"only": {}}
    yield "the client alone, TLS 1.1 at most, relay", starttls().tls_by_hand(t.TLS11, 0x002F, stop="client_hello"), {
        "only": {OLD: "low"}, "says": {OLD: ["TLS 1.1", "!took", "!SNI"]}}
    yield "the same, submission, without SNI", Talk(port=465).tls_by_hand(t.TLS10, 0x002F, stop="client_hello", sni=None), {
        "only": {OLD: "medium"}, "says": {OLD: ["TLS 1.0", "SNI: no)", "198.51.100.10"]}}
    yield "the same, access", Talk(port=995).tls_by_hand(t.TLS10, 0x002F, stop="client_hello"), {"only": {OLD: "medium"}}
    yield "a client that says it retries", Talk(port=465).tls_by_hand(t.TLS11, 0x002F, offer=[0x002F, 0x0035, 0x5600], stop="client_hello"), {
        "only": {"tls.downgrade.fallback_scsv": "low"}, "says": {"tls.downgrade.fallback_scsv": ["TLS 1.1 at most", "198.51.100.10"]}}
    yield "another that says it retries, and gets it", starttls().tls_by_hand(t.TLS12, 0x002F, offer=[0xC02F, 0x002F, 0x5600]), {
        "only": {"tls.downgrade.fallback_scsv": "low"}, "says": {"tls.downgrade.fallback_scsv": ["TLS 1.2 at most", "took TLS 1.2"]}}
    yield "the retry is refused", starttls().tls_by_hand(t.TLS11, 0x002F, offer=[0x002F, 0x5600], reject=("server", "inappropriate_fallback")), {
        "only": {"tls.downgrade.fallback_scsv": "low", "tls.downgrade.inappropriate_fallback": "medium"},
        "says": {"tls.downgrade.inappropriate_fallback": ["TLS 1.1 at most", "inappropriate_fallback (86)"]}, "session": {"mailtls.verdict": "failed"}}
    yield "the retry is refused, only the server seen", Talk(port=465).tls_by_hand(t.TLS12, 0x002F, offer=[0x002F, 0x5600], reject=("server", 86)).only("server"), {
        "only": {"tls.downgrade.inappropriate_fallback": "medium"}, "says": {"tls.downgrade.inappropriate_fallback": ["inappropriate_fallback (86)", "!at most"]}}
    yield "code 86 from the client is no such thing", starttls().tls_by_hand(t.TLS12, 0xC02F, reject=("client", 86)), {"only": {}}
    yield "another alert of the server", starttls().tls_by_hand(t.TLS12, 0xC02F, reject=("server", 40)), {"only": {}}


def ssl2():
    yield "hello in the old format, TLS inside", Talk(port=465).client(t.ssl2_client_hello(t.TLS10, suites=(0x2F, 0x35))).server(
        t.server_hello(t.TLS10, 0x002F) + t.certificate([t.noise(300)], t.TLS10) + t.server_hello_done(t.TLS10)), {
            "only": {"tls.ssl2_hello": "medium", NEW: "medium", OLD: "medium"}, "says": {"tls.ssl2_hello": ["offering TLS 1.0 at most", "answered in TLS 1.0"]}}
    yield "hello in the old format, TLS 1.2 inside", starttls().client(t.ssl2_client_hello(t.TLS12, kinds=(), suites=(0x2F,))).fin("client"), {
        "only": {"tls.ssl2_hello": "medium"}, "says": {"tls.ssl2_hello": ["offering TLS 1.2 at most", "!answered"]}}
    yield "SSL 2.0 answered", Talk(port=465).client(t.ssl2_client_hello()).server(t.ssl2_server_hello(t.noise(400))), {
        "only": {"tls.ssl2_hello": "high", NEW: "critical", OLD: "medium"}, "says": {"tls.ssl2_hello": ["4 of its cipher kinds", "SSL 2.0"], NEW: ["SSL 2.0"]}}
    yield "SSL 2.0 answered, relay", starttls().client(t.ssl2_client_hello()).server(t.ssl2_server_hello(t.noise(400))), {
        "must": {"tls.ssl2_hello": "high", NEW: "high"}}
    wrong = bytearray(t.ssl2_client_hello())
    wrong[6] += 1
    yield "lengths that do not add up", Talk(port=465).client(bytes(wrong)).server(b"\x15\x03\x01\0\x02\x02\x28"), {"must_not": ["tls.ssl2_hello", NEW]}


def sentinels():
    rule = "tls.downgrade.sentinel"

    def case(words, offered, version, sentinel, want, says=(), cipher=0x002F, **more):
        more.setdefault("versions", [t.TLS13, t.TLS12, t.TLS11, t.TLS10] if offered == t.TLS13 else None)
        talk = Talk(port=465).tls_by_hand(version, cipher, offered=offered, sentinel=sentinel, **more)
        return f"sentinel: {words}", talk, {"must": {rule: want}, "says": {rule: list(says)}} if want else {"must_not": ["tls.downgrade.*"]}

    yield case("1.3 offered, 1.2 with its mark, complete", t.TLS13, t.TLS12, S1, "critical", ["up to TLS 1.3", "chose TLS 1.2", "52 44 01", "established: yes"])
    name, talk, want = case("1.3 offered, 1.2 with its mark, client notices", t.TLS13, t.TLS12, S1, "high", ["illegal_parameter (47)", "!established"], reject=("client", 47))
    yield name, talk, {**want, "session": {"mailtls.verdict": "tampered"}}
    yield case("the same, only begun", t.TLS13, t.TLS12, S1, "high", ["!illegal", "!established"], stop="server_done")
    yield case("1.3 offered, 1.1 with its mark", t.TLS13, t.TLS11, S0, "critical", ["chose TLS 1.1", "52 44 00"])
    yield case("1.3 offered, 1.0 with its mark, client notices", t.TLS13, t.TLS10, S0, "critical", ["chose TLS 1.0"], reject=("client", 47))
    yield case("1.3 offered, 1.2 with the mark of 1.1", t.TLS13, t.TLS12, S0, "high", ["belongs to another version", "52 44 00"])
    yield case("1.3 offered, 1.1 with the mark of 1.2", t.TLS13, t.TLS11, S1, "high", ["belongs to another version", "52 44 01"])
    yield case("1.3 offered, 1.2 without a mark", t.TLS13, t.TLS12, b"", None)
    yield case("1.3 offered, 1.1 without a mark", t.TLS13, t.TLS11, b"", None)
    yield case("1.2 offered and chosen, with a mark", t.TLS12, t.TLS12, S1, None)
    yield case("1.2 offered and chosen, with the mark of 1.1", t.TLS12, t.TLS12, S0, None)
    yield case("1.2 offered, 1.1 with its mark", t.TLS12, t.TLS11, S0, "high", ["TLS 1.2 at least", "chose TLS 1.1"])
    yield case("1.2 offered, 1.0 with the mark of 1.2", t.TLS12, t.TLS10, S1, None)
    yield case("1.2 offered, 1.0 without a mark", t.TLS12, t.TLS10, b"", None)
    yield case("1.1 offered and chosen, with its mark", t.TLS11, t.TLS11, S0, None)
    yield case("only a draft of 1.3 offered, 1.2 with a mark", t.TLS13, t.TLS12, S1, None, versions=[0x7F1C, t.TLS12])
    yield "sentinel: two hellos, and which was answered is not clear", Talk(port=465).client(t.client_hello(t.TLS12, seed="1")).client(
        t.client_hello(t.TLS13, seed="2")).server(t.server_hello(t.TLS12, 0xC02F, sentinel=S1)), {"must_not": [rule]}
    yield "sentinel: OpenSSL with a client of TLS 1.2", starttls().tls(client_max="TLSv1.2", server_max="TLSv1.3", server_min="TLSv1"), {
        "only": {}, "session": {"mailtls.tls.server.downgrade_sentinel": "1.2"}}
    yield "sentinel: only the server is in the capture", Talk(port=465).tls_by_hand(t.TLS12, 0x002F, offered=t.TLS13, sentinel=S1).only("server"), {"must_not": [rule]}


def retries():
    retry = t.server_hello(t.TLS12, 0x1301, session_id=t.noise(32, "session"), extensions=t.extension(43, t.words([t.TLS13])) + t.extension(51, b"\0\x17"))
    at = retry.index(t.noise(32, "S"))
    chance = bytes.fromhex("CF21AD74E59A6111BE1D8C021E65B891C2A211167ABB8C5E079E09E2C8A8339C")
    retry = retry[:at] + chance + retry[at + 32 :]
    hello = t.client_hello(t.TLS13)
    talk = Talk(port=465).client(hello).server(retry).client(t.ccs() + t.client_hello(t.TLS13, key_share=23)).server(
        t.server_hello(t.TLS13, 0x1301, session_id=t.noise(32, "session")) + t.ccs() + t.encrypted(40) + t.encrypted(900) + t.encrypted(281) + t.encrypted(53))
    talk.client(t.encrypted(53)).client(t.encrypted(30)).server(t.encrypted(90))
    yield "a second hello by hand", talk, {"only": {"tls.hrr": "info"}, "says": {"tls.hrr": ["use secp256r1", "x25519"]}}
    yield "a second hello with OpenSSL", starttls().tls(min="TLSv1.3", curve="secp384r1"), {"only": {"tls.hrr": "info"}, "says": {"tls.hrr": ["use secp384r1"]}}
    yield "only the server is in the capture, retry", Talk(port=465).tls(min="TLSv1.3", curve="secp521r1").only("server"), {
        "only": {"tls.hrr": "info"}, "says": {"tls.hrr": ["use secp521r1", "!it knows"]}}
    yield "no second hello", starttls().tls(min="TLSv1.3"), {"only": {}}


def cases():
    for group in negotiated, offered, ssl2, sentinels, retries:
        yield from group()

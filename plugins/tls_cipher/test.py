# SPDX-License-Identifier: Apache-2.0
"""Cases of plugins/tls_cipher: each class chosen, offered only, on a relay and elsewhere, SSL 2.0 included."""
from conversation import Talk, tlsbytes as t

REQUIRED = ["--set", "policy.require_tls=[192.0.2.0/24]"]
BETTER = [0xC014, 0xC030, 0xC02F]  # of TLS 1.0 and later, and two of TLS 1.2
# rule, suite, its name, severity in submission and on a relay, other rules with it in submission and on a relay
# (no_pfs is not said beside null and export, which anybody can read already)
CHOSEN = [
    ("null", 0x003B, "TLS_RSA_WITH_NULL_SHA256", "critical", "critical", {}),
    ("export", 0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "critical", "critical", {"rc4": ("high", "medium"), "md5_mac": ("low", "info")}),
    ("des", 0x0009, "TLS_RSA_WITH_DES_CBC_SHA", "high", "medium", {"cbc_no_etm": ("info", "info"), "no_pfs": ("low", "info")}),
    ("rc2", 0x0006, "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5", "high", "medium", {
        "export": ("critical", "critical"), "cbc_no_etm": ("info", "info"), "md5_mac": ("low", "info")}),
    ("idea", 0x0007, "TLS_RSA_WITH_IDEA_CBC_SHA", "low", "info", {"cbc_no_etm": ("info", "info"), "no_pfs": ("low", "info")}),
    ("seed", 0x009A, "TLS_DHE_RSA_WITH_SEED_CBC_SHA", "low", "info", {"cbc_no_etm": ("info", "info")}),
    ("rc4", 0xC011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "high", "medium", {}),
    ("3des", 0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", "medium", "low", {"cbc_no_etm": ("info", "info")}),
    ("md5_mac", 0x0004, "TLS_RSA_WITH_RC4_128_MD5", "low", "info", {"rc4": ("high", "medium"), "no_pfs": ("low", "info")}),
    ("no_pfs", 0x009D, "TLS_RSA_WITH_AES_256_GCM_SHA384", "low", "info", {}),
]  # fmt: skip


def starttls(port=25, **how):
    return Talk(port=port, **how).dialogue(
        "S: 220 mx.example.net ESMTP Postfix", "C: EHLO out.example.org", "S: 250-mx.example.net", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go")


def wants(rule, severity, others, column, weak=True):
    found = {f"tls.cipher.{rule}": severity, **{f"tls.cipher.{other}": both[column] for other, both in others.items()}}
    if weak:
        found["tls.cipher.offered_weak"] = "info"
    return found


def chosen():
    for rule, suite, name, severity, relay, others in CHOSEN:
        weak = rule != "no_pfs"
        yield f"{rule} chosen though better is offered, submission", Talk(port=465).tls_by_hand(t.TLS12, suite, offer=[*BETTER, suite]), {
            "only": wants(rule, severity, others, 0, weak),
            "says": {f"tls.cipher.{rule}": [name, f"0x{suite:04x}", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS 1.2"]}}
        yield f"{rule} chosen, nothing better offered, relay", starttls().tls_by_hand(t.TLS12, suite, offer=[suite]), {
            "only": wants(rule, relay, others, 1, weak), "says": {f"tls.cipher.{rule}": [name, "1 suite)", "198.51.100.10"]}}
        if weak:
            yield f"{rule} only offered", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, offer=[suite, *BETTER]), {
                "only": {"tls.cipher.offered_weak": "info"}, "says": {"tls.cipher.offered_weak": [name, "4 suites", "chose TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}}
    yield "which classes are offered", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, offer=[0xC02F, 0x0002, 0x0034, 0x0003, 0x00FF]), {
        "says": {"tls.cipher.offered_weak": ["weak ones (NULL, anon, EXPORT, RC4, MD5)", "4 suites"]}}
    yield "rc4 on a relay that must use TLS", starttls().tls_by_hand(t.TLS12, 0xC011), {"must": {"tls.cipher.rc4": "critical"}, "args": REQUIRED}
    yield "rc4, only the server seen", Talk(port=465).tls_by_hand(t.TLS12, 0xC011).only("server"), {
        "only": {"tls.cipher.rc4": "high"}, "says": {"tls.cipher.rc4": ["TLS_ECDHE_RSA_WITH_RC4_128_SHA", "!better", "!suites"]}}
    yield "null, verdict", Talk(port=465).tls_by_hand(t.TLS12, 0x0002), {"session": {"mailtls.verdict": "exposed"}}
    yield "des, verdict", Talk(port=465).tls_by_hand(t.TLS12, 0x0009), {"session": {"mailtls.verdict": "weak"}}
    yield "better suites of TLS 1.2 are no use in TLS 1.0", Talk(port=465).tls_by_hand(t.TLS10, 0xC011, offered=t.TLS12, offer=[0xC030, 0xC02F, 0xC028, 0x0067, 0xC011]), {
        "says": {"tls.cipher.rc4": ["nothing better for TLS 1.0"]}}
    yield "3des says how much crossed", Talk(port=465).tls_by_hand(t.TLS12, 0x0016, data=[("server", 1000), ("client", 500)]), {
        "says": {"tls.cipher.3des": ["1548 bytes"]}}


def anonymous():
    yield "anonymous, submission", Talk(port=465).tls(max="TLSv1.2", ciphers="ADH-AES256-GCM-SHA384", chain=None), {
        "only": {"tls.cipher.anon": "high", "tls.cipher.offered_weak": "info"}, "says": {"tls.cipher.anon": ["TLS_DH_anon_WITH_AES_256_GCM_SHA384", "0x00a7"]}}
    yield "anonymous, relay, as Postfix does it", starttls().tls(max="TLSv1.2", ciphers="AECDH-AES256-SHA:ECDHE-RSA-AES256-GCM-SHA384", server_ciphers="AECDH-AES256-SHA", chain=None), {
        "must": {"tls.cipher.anon": "low"}, "says": {"tls.cipher.anon": ["TLS_ECDH_anon_WITH_AES_256_CBC_SHA", "such as TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]},
        "session": {"mailtls.verdict": "protected"}}
    yield "anonymous suites offered by a relay, not taken", starttls().tls(max="TLSv1.2", ciphers="ALL:aNULL"), {
        "only": {"tls.cipher.offered_weak": "info"}, "says": {"tls.cipher.offered_weak": ["weak ones (NULL, anon)"]}}
    yield "anonymous on a relay that must use TLS", starttls().tls_by_hand(t.TLS12, 0x00A7), {"must": {"tls.cipher.anon": "critical"}, "args": REQUIRED}


def cbc():
    rule = "tls.cipher.cbc_no_etm"
    yield "CBC without EtM in TLS 1.2", Talk(port=465).tls_by_hand(t.TLS12, 0xC014, offer=[0xC030, 0xC014], etm=True, server_etm=False), {
        "only": {rule: "info"}, "says": {rule: ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "extension encrypt_then_mac", "such as TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]}}
    yield "CBC without EtM in TLS 1.1", Talk(port=465).tls_by_hand(t.TLS11, 0xC014), {"only": {rule: "info"}}
    yield "CBC without EtM in TLS 1.0", Talk(port=465).tls_by_hand(t.TLS10, 0xC014), {"only": {rule: "low"}, "says": {rule: ["TLS 1.0", "!encrypt_then_mac"]}}
    yield "the same, relay", starttls().tls_by_hand(t.TLS10, 0xC014), {"only": {rule: "info"}}
    yield "CBC with EtM, OpenSSL", Talk(port=465).tls(max="TLSv1.2", ciphers="ECDHE-RSA-AES256-SHA"), {"only": {}}
    yield "AEAD", Talk(port=465).tls(max="TLSv1.2", ciphers="ECDHE-RSA-AES256-GCM-SHA384"), {"only": {}}
    yield "static RSA, OpenSSL, access", Talk(port=993).tls(max="TLSv1.2", ciphers="AES128-GCM-SHA256"), {
        "only": {"tls.cipher.no_pfs": "low"}, "says": {"tls.cipher.no_pfs": ["TLS_RSA_WITH_AES_128_GCM_SHA256", "no suite with forward secrecy"]}}
    yield "static RSA chosen by the server", Talk(port=993).tls(max="TLSv1.2", client_ciphers="AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", server_ciphers="AES128-GCM-SHA256"), {
        "only": {"tls.cipher.no_pfs": "low"}, "says": {"tls.cipher.no_pfs": ["such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "server's list"]}}
    yield "TLS 1.3", starttls().tls(), {"only": {}}


def ssl2():
    def talk(kind, port=465):
        hello = t.ssl2_client_hello(kinds=(kind,))
        key = t.ssl2_record(b"\x02" + kind.to_bytes(3, "big") + b"\0\0\0\x80\0\x08" + t.noise(128) + t.noise(8))
        made = Talk(port=port).client(hello).server(t.ssl2_server_hello(t.noise(400), (kind,))).client(key).server(t.ssl2_record(t.noise(33)))
        return made.client(t.ssl2_record(t.noise(34))).server(t.ssl2_record(t.noise(35)))

    common = {"tls.cipher.md5_mac": "low", "tls.cipher.no_pfs": "low", "tls.cipher.offered_weak": "info"}
    for kind, rule, severity, name in (
        (0x010080, "rc4", "high", "SSLv20_CK_RC4_128_WITH_MD5"), (0x030080, "rc2", "high", "SSLv20_CK_RC2_128_CBC_WITH_MD5"),
        (0x050080, "idea", "low", "SSLv20_CK_IDEA_128_CBC_WITH_MD5"), (0x060040, "des", "high", "SSLv20_CK_DES_64_CBC_WITH_MD5"),
        (0x0700C0, "3des", "medium", "SSLv20_CK_DES_192_EDE3_CBC_WITH_MD5"),
    ):  # fmt: skip
        also = {} if rule == "rc4" else {"tls.cipher.cbc_no_etm": "low"}
        yield f"SSL 2.0 with {rule}", talk(kind), {"only": {**common, **also, f"tls.cipher.{rule}": severity}, "says": {f"tls.cipher.{rule}": [name, "SSL 2.0", "!0x"]}}
    yield "SSL 2.0 with an export cipher", talk(0x020080), {"only": {**common, "tls.cipher.export": "critical", "tls.cipher.rc4": "high"}}
    yield "SSL 2.0, nothing chosen yet", Talk(port=465).client(t.ssl2_client_hello()).server(t.ssl2_server_hello(t.noise(400))), {
        "only": {"tls.cipher.offered_weak": "info"}, "says": {"tls.cipher.offered_weak": ["EXPORT, DES, RC4, 3DES, MD5", "4 suites"]}}


def cases():
    for group in chosen, anonymous, cbc, ssl2:
        yield from group()

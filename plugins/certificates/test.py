# SPDX-License-Identifier: Apache-2.0
"""Cases of plugins/certificates: each rule with what fires it, what looks like it and must not, and other values."""
import datetime

from conversation import Talk, pki

EXPIRED, EARLY, LONG = "cert.expired", "cert.not_yet_valid", "cert.validity_too_long"
INCOMPLETE, ORDER, EXTRA = "cert.chain_incomplete", "cert.chain_order", "cert.chain_extra"
STAPLE, SERVERS = "cert.must_staple_missing", "cert.not_for_servers"
MISMATCH, CN_ONLY = "cert.name_mismatch", "cert.name_cn_only"
KEY, SIGNATURE, FORM = "cert.weak_key", "cert.weak_sig", "cert.malformed"
AIA = "authorityInfoAccess = caIssuers;URI:http://ca.example.org/ca.der"
pki.KEYS.update(
    ec192=("EC", "ec_paramgen_curve:P-192"), ec_explicit=("EC", "ec_paramgen_curve:P-256", "ec_param_enc:explicit"),
    rsa_e3=("RSA", "rsa_keygen_bits:2048", "rsa_keygen_pubexp:3"), rsa_big_e=("RSA", "rsa_keygen_bits:2048", "rsa_keygen_pubexp:0x1000000000000000d"))
REQUIRED = ["--set", "policy.require_tls=[192.0.2.0/24]"]


def imaps(chain="good", name="mail.example.net", port=993, max="TLSv1.2", start=None, **how):  # pylint: disable=redefined-builtin
    more = {} if start is None else {"start": start}
    return Talk(port=port, server_name=name, **more).tls(max=max, chain=chain, **how)


def smtp(chain="good", name="mx.example.net", port=25, banner=None, **how):
    talk = Talk(port=port, server_name=name).dialogue(f"S: 220 {banner or name} ESMTP Postfix", "C: EHLO a.example.org",
        f"S: 250-{banner or name}", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go")
    return talk.tls(max="TLSv1.2", chain=chain, **how)


def by_hand(chain, **how):
    return Talk(port=993, server_name="mail.example.net").tls_by_hand(chain=chain, sni="mail.example.net", **how)


def ders(kind="good", **given):
    return pki.chain(kind, at=Talk().start, **{"name": "mail.example.net", **given}).ders


def dates():
    yield "expired", imaps("expired"), {
        "only": {EXPIRED: "medium"}, "says": {EXPIRED: ["2026-04-24", "2026-05-04T10:00:00Z", "10 days later", "10 (certificate has expired)"]},
        "tlsrpt": {EXPIRED: "certificate-expired"}, "confidence": {EXPIRED: 99}}
    yield "expired long ago, between relays", smtp({"before": -400, "after": -300}), {
        "only": {EXPIRED: "low"}, "says": {EXPIRED: ["300 days later", "CN=mx.example.net", "!10 days"]}, "fix": {EXPIRED: "smtpd_tls_chain_files"}}
    yield "expired, and of an unknown authority: the number is that of the date", imaps({"before": -400, "after": -10, "issuer": "unlisted", "send": ["leaf"]}), {
        "must": {EXPIRED: "medium"}, "says": {EXPIRED: ["call it 10 (certificate has expired)"]}}
    yield "expired where TLS is required", smtp("expired"), {"only": {EXPIRED: "high"}, "args": REQUIRED}
    yield "expired three hours ago", imaps({"before": -30, "after": 0}, start=pki.BASE + 3 * 3600), {
        "only": {EXPIRED: "medium"}, "says": {EXPIRED: ["3 hours later", "clock of this sensor"]}, "confidence": {EXPIRED: 60}}
    yield "self-signed and expired", imaps({"issuer": "self", "send": ["leaf"], "before": -400, "after": -20}), {
        "only": {EXPIRED: "medium"}, "says": {EXPIRED: "20 days later"}}
    yield "the intermediate has expired", imaps("expired_intermediate"), {
        "only": {EXPIRED: "medium"}, "says": {EXPIRED: ["certificate 2 of the chain", "Example Trust TLS CA 0", "OpenSSL 10"]}}
    yield "an expired one beside the path", imaps({"send": ["leaf", "inter", "issuer"], "issuer": "inter"}), {"only": {EXTRA: "info"}}
    yield "a clock that was never set", imaps("expired", start=3600), {"must_not": [EXPIRED, EARLY]}
    yield "not valid yet", imaps({"before": 10, "after": 100}), {
        "only": {EARLY: "medium"}, "says": {EARLY: ["2026-05-14", "2026-05-04T10:00:00Z", "9 days before", "9 ("]}}
    yield "not valid for some hours", smtp({"before": 1, "after": 60}), {
        "only": {EARLY: "low"}, "says": {EARLY: ["14 hours", "clock"]}, "confidence": {EARLY: 60}}
    yield "the last second", imaps({"before": -30, "after": 1}, start=pki.BASE + pki.DAY - 30), {"only": {}}
    yield "TLS 1.3 hides it", imaps("expired", max="TLSv1.3"), {"only": {}}
    yield "the answer to the alert is another finding's", imaps("expired", reject="certificate_expired"), {"only": {EXPIRED: "medium"}}
    yield "ten years from a public authority", imaps("long"), {
        "only": {LONG: "low"}, "says": {LONG: ["3681 days", "may give 200"]}}
    yield "199 days", imaps({"before": -30, "after": 169}), {"only": {}}
    yield "201 days", smtp({"before": -30, "after": 170}), {"only": {LONG: "info"}, "says": {LONG: "201 days"}}
    yield "398 days from before the change", imaps({"before": -60, "after": 337}), {"only": {}}
    for year, allowed in (2019, 825), (2021, 398), (2028, 100), (2030, 47):
        start = int(datetime.datetime(year, 6, 1, tzinfo=datetime.timezone.utc).timestamp())
        yield f"a day too long in {year}", imaps({"before": -5, "after": allowed - 5}, start=start), {
            "must": {LONG: "low"}, "says": {LONG: f"{allowed + 1} days, where public authorities may give {allowed}"}}
        yield f"just right in {year}", imaps({"before": -5, "after": allowed - 6}, start=start), {"must_not": [LONG]}
    yield "ten years from a private authority", imaps({"issuer": "own", "before": -30, "after": 3000, "send": ["leaf"]}), {
        "only": {}, "args": ["--set", "x509.ca_extra=" + pki.extra()]}


def chains():
    yield "no intermediate", imaps({"send": ["leaf"], "extensions": [AIA]}), {
        "only": {INCOMPLETE: "medium"}, "confidence": {INCOMPLETE: 90},
        "says": {INCOMPLETE: ["sends 1 certificate:", "!borrowed", "Example Trust TLS CA 1", '"Not verified (21)"']}}
    yield "no intermediate, between relays, not fetchable", smtp("missing_intermediate"), {
        "only": {INCOMPLETE: "low"}, "says": {INCOMPLETE: ["CN=mx.example.net", "name is borrowed"]}, "confidence": {INCOMPLETE: 60}, "fix": {INCOMPLETE: "smtpd_tls_chain_files"}}
    yield "an unknown authority that can be fetched", imaps({"issuer": "unlisted", "send": ["leaf"], "extensions": [AIA]}), {
        "only": {INCOMPLETE: "low"}, "says": {INCOMPLETE: "Unlisted Root CA"}}
    yield "an unknown authority whose intermediate can be fetched", imaps({"issuer": pki.authority(
        "/O=Unlisted Ltd/CN=Unlisted TLS CA 2", pki.named("unlisted"), extensions=(AIA,)), "send": ["leaf", "issuer"]}), {
        "only": {INCOMPLETE: "info"}, "says": {INCOMPLETE: "Unlisted Root CA"}}
    yield "leaf and intermediate of an authority whose root is not listed", imaps({"issuer": pki.authority(
        "/O=Let's Encrypt/CN=R99", pki.authority("/O=Digital Signature Trust Co./CN=DST Root CA X9")), "send": ["leaf", "issuer"]}), {
        "only": {INCOMPLETE: "low"}, "says": {INCOMPLETE: ["DST Root CA X9", "or that root is not in the list"]}, "confidence": {INCOMPLETE: 50}}
    yield "an unknown authority", imaps("unknown_ca"), {"only": {}}
    yield "whole", imaps("good"), {"only": {}}
    yield "with the root", imaps("with_root"), {"only": {}}
    yield "wrong order", imaps("wrong_order"), {
        "only": {ORDER: "low"}, "says": {ORDER: ["Example Trust Root R1", "Expected is the server's own first (CN=mail.example.net"]}}
    yield "wrong order between relays", smtp("wrong_order"), {"only": {ORDER: "info"}, "says": {ORDER: "CN=mx.example.net"}}
    yield "one that does not belong there", imaps("extra"), {"only": {EXTRA: "info"}, "says": {EXTRA: ["Example Trust Code CA", "sends 3"]}}
    yield "one in between that does not belong there", imaps({"send": ["leaf", "other", "inter"]}), {
        "only": {EXTRA: "info"}, "says": {EXTRA: "Example Trust Code CA"}}
    yield "one twice", imaps("repeated"), {"only": {EXTRA: "info"}, "says": {EXTRA: ["sent twice", "Example Trust TLS CA 1", "!Code"]}}
    stapled = ders(extensions=["tlsfeature = status_request"])
    yield "must-staple without", by_hand(stapled, status=True), {
        "only": {STAPLE: "medium"}, "says": {STAPLE: ["CN=mail.example.net", "status_request"]}}
    yield "must-staple, not asked for", by_hand(stapled), {"only": {}}
    yield "no must-staple", by_hand(ders(), status=True), {"only": {}}
    yield "must-staple, cut before the end of the flight", by_hand(stapled, status=True, stop="certificate"), {"only": {}}
    yield "for clients", imaps("no_server_auth"), {"only": {SERVERS: "medium"}, "says": {SERVERS: ["serverAuth is not among it", "26 ("]}}
    yield "for clients, between relays", smtp("no_server_auth"), {"only": {SERVERS: "low"}, "says": {SERVERS: "CN=mx.example.net"}}
    yield "an authority's", imaps("ca_leaf"), {"only": {SERVERS: "low"}, "says": {SERVERS: ["CN=mail.example.net", "can issue certificates"]}}
    yield "an authority's that signs itself", imaps({"issuer": "self", "send": ["leaf"], "ca": True}), {"only": {}}


def names():
    yield "another name", imaps("wrong_name"), {
        "only": {MISMATCH: "medium"}, "says": {MISMATCH: ['"mail.example.net"', "is for other.example.com", "SNI"]},
        "tlsrpt": {MISMATCH: "certificate-host-mismatch"}}
    yield "localhost", imaps({"issuer": "self", "send": ["leaf"], "subject": "/CN=localhost", "san": ""}, "pop.example.org", port=995), {
        "only": {MISMATCH: "medium"}, "says": {MISMATCH: ['"pop.example.org"', "is for localhost"]}}
    yield "another name, and the client refuses", imaps("wrong_name", reject="bad_certificate"), {
        "only": {MISMATCH: "medium"}, "says": {MISMATCH: "The client of this session refused it: bad_certificate"}}
    yield "another name between relays", smtp("wrong_name"), {"only": {MISMATCH: "info"}, "says": {MISMATCH: '"mx.example.net"'}}
    yield "another name where TLS is required", smtp("wrong_name"), {"only": {MISMATCH: "high"}, "args": REQUIRED}
    yield "a wildcard", imaps("wildcard"), {"only": {}}
    yield "two labels below a wildcard", imaps({"san": "DNS:*.example.net"}, "a.mail.example.net"), {
        "only": {MISMATCH: "medium"}, "says": {MISMATCH: "*.example.net"}}
    yield "part of a label below a wildcard", imaps({"san": "DNS:m*.example.net"}), {"only": {MISMATCH: "medium"}}
    yield "other case", imaps({"san": "DNS:MAIL.Example.Net"}), {"only": {}}
    yield "one of many", imaps({"san": ",".join(f"DNS:n{i}.example.com" for i in range(40)) + ",DNS:mail.example.net"}), {"only": {}}
    yield "configured, not asked for", smtp("wrong_name", port=587, sni=None), {
        "only": {MISMATCH: "medium"}, "says": {MISMATCH: ['"submit.example.net"', "configuration of this sensor"]},
        "args": ["--set", "policy.names=192.0.2.25 submit.example.net"]}
    yield "one of the configured ones", smtp(port=587, sni=None), {
        "only": {}, "args": ["--set", "policy.names=192.0.2.25 submit.example.net mx.example.net"]}
    yield "an address instead of a name", Talk(port=995, server="203.0.113.77", server_name="pop.example.org").tls(max="TLSv1.2", chain="good", sni=None), {
        "only": {MISMATCH: "info"}, "says": {MISMATCH: ['"203.0.113.77" does not match', "is for pop.example.org"]}, "confidence": {MISMATCH: 50}}
    yield "an address, and the client refuses", Talk(port=995, server="203.0.113.78").tls(max="TLSv1.2", chain="good", sni=None, reject="bad_certificate"), {
        "only": {MISMATCH: "low"}, "says": {MISMATCH: "203.0.113.78"}, "confidence": {MISMATCH: 80}}
    yield "an address that the certificate has", imaps({"san": "IP:192.0.2.25,DNS:mail.example.net"}, sni=None), {"only": {}}
    yield "only the greeting, between relays", smtp("wrong_name", sni=None), {
        "only": {MISMATCH: "info"}, "says": {MISMATCH: ['calls itself "mx.example.net"', "other.example.com"]}}
    yield "the greeting fits, between relays", smtp(sni=None), {"only": {}}
    yield "the greeting says something else than was asked for", smtp(banner="node7.example.com"), {"only": {}}
    yield "what was asked for is not in the capture", smtp("wrong_name", banner="x.example.com").only("server"), {"only": {}}
    yield "nor with a configured name", smtp("wrong_name", port=587).only("server"), {"only": {}, "args": ["--set", "policy.names=192.0.2.25 a.example.net"]}
    yield "the server's side is enough for its dates", imaps("expired").only("server"), {"only": {EXPIRED: "medium"}}
    yield "only the common name", imaps("cn_only"), {
        "only": {CN_ONLY: "low"}, "says": {CN_ONLY: ['"mail.example.net"', "CN=mail.example.net"]}}
    yield "only the common name, between relays", smtp("cn_only"), {"only": {CN_ONLY: "info"}, "says": {CN_ONLY: "CN=mx.example.net"}}
    yield "a common name beside others", imaps({"subject": "/CN=mail.example.net", "san": "DNS:other.example.com"}), {"only": {MISMATCH: "medium"}}


def keys():
    yield "RSA 1024", imaps("weak_key"), {
        "only": {KEY: "medium"}, "says": {KEY: ["an RSA key of 1024 bits", "RSA 2048"]}, "session": {"mailtls.verdict": "weak"}}
    yield "RSA 512", by_hand(ders(key="rsa512")), {"only": {KEY: "high"}, "says": {KEY: "512 bits"}}
    yield "RSA 1536 between relays", smtp({"key": "rsa1536"}), {"only": {KEY: "info"}, "says": {KEY: "1536 bits"}}
    yield "RSA 2048 and P-256", [imaps(), Talk(port=993, number=1).tls(max="TLSv1.2", chain="good", key="ec256")], {"only": {}}
    yield "DSA", by_hand(ders(key="dsa")), {"only": {KEY: "medium"}, "says": {KEY: ["a DSA key of 1024 bits"]}}
    yield "a small curve", by_hand(ders(key="ec192")), {"only": {KEY: "medium"}, "says": {KEY: "an EC key of 192 bits"}}
    yield "an RSA exponent of 3", by_hand(ders(key="rsa_e3")), {"only": {KEY: "low"}, "says": {KEY: ["2048 bits with an exponent of 3", "65537"]}}
    yield "RSA 2048 with an enormous exponent", by_hand(ders(key="rsa_big_e")), {"only": {KEY: "low"}, "says": {KEY: ["a huge exponent", "not verified"]}}
    yield "a curve that is written out", by_hand(ders(key="ec_explicit")), {"only": {KEY: "low"}, "says": {KEY: "written out"}}
    weak_ca = pki.authority("/C=US/O=Example Trust Services/CN=Example Trust Old CA", pki.named("root"), key="rsa1024")
    yield "a weak intermediate", imaps({"issuer": weak_ca, "send": ["leaf", "issuer"]}), {
        "only": {KEY: "medium"}, "says": {KEY: ["certificate 2 of the chain", "Example Trust Old CA"]}}
    yield "SHA-1", imaps("sha1", ciphers="ALL:@SECLEVEL=0"), {
        "only": {SIGNATURE: "medium"}, "says": {SIGNATURE: ["sha1WithRSAEncryption", "Example Trust TLS CA 1"]}}
    yield "SHA-1 when it was normal", imaps({"digest": "sha1", "issuer": weak_ca, "send": ["leaf"], "key": "rsa2048"}, start=1_451_606_400, ciphers="ALL:@SECLEVEL=0"), {
        "must": {SIGNATURE: "low"}}
    yield "MD5 between relays", smtp("md5", ciphers="ALL:@SECLEVEL=0"), {"only": {SIGNATURE: "medium"}, "says": {SIGNATURE: "md5WithRSAEncryption"}}
    yield "SHA-1 of one that signs itself", imaps({"issuer": "self", "send": ["leaf"], "digest": "sha1"}, ciphers="ALL:@SECLEVEL=0"), {"only": {}}


def forms():
    yield "version 1", imaps("v1"), {"must": {FORM: "low"}, "says": {FORM: ["of version 1, where 3 is", "CN=mail.example.net"]}}
    yield "serial number too long", imaps({"serial": "7F" * 24}), {"only": {FORM: "low"}, "says": {FORM: "serial number 7F7F"}}
    yield "serial number of one that signs itself", imaps({"issuer": "self", "send": ["leaf"], "serial": "7F" * 24}), {"only": {}}
    yield "20 bytes of serial number", imaps({"serial": "7F" * 20}), {"only": {}}
    yield "no certificate", by_hand([b"this is no certificate"]), {"only": {FORM: "medium"}, "says": {FORM: "SHA-256"}}
    yield "a NUL in a name", by_hand(nul_named()), {"must": {FORM: "high"}, "says": {FORM: "NUL byte"}}
    yield "extensions that cannot be read", by_hand(broken_extension()), {"must": {FORM: "low"}, "says": {FORM: "cannot be read"}}


def nul_named():
    """The DER with a byte of the host name changed: its signature fails, which does not matter here."""
    chain = ders(name="mail.example.net.example.org", san="DNS:mail.example.net.example.org")
    return [chain[0].replace(b"mail.example.net.example.org", b"mail.example.net\0example.org"), chain[1]]


def broken_extension():
    chain = ders()
    constraints = bytes.fromhex("0603551d13")  # basicConstraints: its value is no longer a SEQUENCE
    at = chain[0].index(constraints)
    end = chain[0].index(b"\x30\x00", at)
    return [chain[0][:end] + b"\x31\x00" + chain[0][end + 2:], chain[1]]


def cases():
    for part in (dates, chains, names, keys, forms):
        yield from part()


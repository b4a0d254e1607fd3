# SPDX-License-Identifier: Apache-2.0
"""Cases of plugins/tls_exchange: primes by size and origin, groups, post-quantum groups, signatures."""
from conversation import Talk, tlsbytes as t

REQUIRED = ["--set", "policy.require_tls=[192.0.2.0/24]"]
WEAK, COMMON, SIGNATURE = "tls.dh.weak", "tls.dh.common_prime", "tls.sig.weak"
# RFC 5114 section 2.2: 2048 bits with a subgroup of 224 bits.
SUBGROUP = int(
    "AD107E1E9123A9D0D660FAA79559C51FA20D64E5683B9FD1B54B1597B61D0A75E6FA141DF95A56DBAF9A3C407BA1DF15EB3D688A309C180E1DE6B85A1274A0A66D3F8152AD6AC212"
    "9037C9EDEFDA4DF8D91E8FEF55B7394B7AD5B7D0B6C12207C9F98D11ED34DBF6C6BA0B2C8BBC27BE6A00E0A0B9C49708B3BF8A317091883681286130BC8985DB1602E714415D9330"
    "278273C7DE31EFDC7310F7121FD5A07415987D9ADC0A486DCDF93ACC44328387315D75E198C641A480CD86A1B9E587E8BE60E69CC928B2B9C52172E413042E9B23F10B0E16E79763"
    "C9B53DCF4BA80A29E3FB73C16B8E75B97EF363E2FFA31F71CF9DE5384E71B81C0AC4DFFE0C10E64F", 16)


def oakley(bits, add):
    """The primes of RFC 2409 and 3526, out of their formula; pi by Machin's, in integers."""
    def arctan(inverse, unity):
        total = term = unity // inverse
        divisor, sign = 3, -1
        while term:
            term //= inverse * inverse
            total += sign * (term // divisor)
            divisor, sign = divisor + 2, -sign
        return total

    unity = 1 << (bits + 64)
    pi = 4 * (4 * arctan(5, unity) - arctan(239, unity))
    whole = (pi << (bits - 130)) // unity
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((whole + add) << 64)


OAKLEY = {768: oakley(768, 149686), 1024: oakley(1024, 129093), 1536: oakley(1536, 741804), 2048: oakley(2048, 124476)}


def starttls(port=25, **how):
    return Talk(port=port, **how).dialogue(
        "S: 220 mx.example.net ESMTP Postfix", "C: EHLO out.example.org", "S: 250-mx.example.net", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go")


def primes():
    for bits, severity in (
        (384, "critical"), (512, "critical"), (513, "high"), (768, "high"), (769, "high"), (1023, "high"), (1024, "medium"), (1025, "low"),
        (1536, "low"), (2047, "low"), (2048, None), (3072, None),
    ):  # fmt: skip
        yield f"prime of {bits} bits", Talk(port=465).tls_by_hand(t.TLS12, 0x009F, prime=bits), {
            "only": {WEAK: severity} if severity else {}, "says": {WEAK: [f"{bits} bits", "at least 2048", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"]} if severity else {}}
    for bits, severity, name in (768, "critical", "group 1"), (1024, "high", "group 2"), (1536, "low", "group 5"):
        small = bits <= 1024
        yield f"shared prime of {bits} bits", starttls().tls_by_hand(t.TLS12, 0x0039, prime=OAKLEY[bits]), {
            "only": {WEAK: severity, COMMON: "info"}, "says": {WEAK: [f"{bits} bits", *([name, "Logjam"] if small else ["!Logjam"])], COMMON: [name, f"{bits} bits"]},
            "session": {"mailtls.verdict": "weak"}}
    yield "a good shared prime", Talk(port=465).tls_by_hand(t.TLS12, 0x009F, prime=OAKLEY[2048]), {
        "only": {COMMON: "info"}, "says": {COMMON: ["RFC 3526 Oakley group 14", "2048 bits", "that is good"]}, "session": {"mailtls.verdict": "protected"}}
    yield "a prime with a subgroup", Talk(port=465).tls_by_hand(t.TLS12, 0x009F, prime=SUBGROUP), {
        "only": {COMMON: "low"}, "says": {COMMON: ["RFC 5114", "2048 bits", "subgroups"]}}
    yield "small prime where TLS is required", starttls().tls_by_hand(t.TLS12, 0x009F, prime=1024), {"must": {WEAK: "high"}, "args": REQUIRED}
    yield "small prime, the client could do better", Talk(port=465).tls_by_hand(t.TLS10, 0x0039, prime=1000, groups=[29, 23]), {"says": {WEAK: ["1000 bits", "x25519, secp256r1"]}}
    yield "small prime, only the server seen", Talk(port=465).tls_by_hand(t.TLS12, 0x009F, prime=1000).only("server"), {"only": {WEAK: "high"}, "says": {WEAK: ["!instead"]}}
    yield "leading zeros do not count", Talk(port=465).client(t.client_hello(t.TLS12, [0x009F])).server(t.server_hello(t.TLS12, 0x009F) + t.message(
        12, t.vector(2, bytes(64) + (OAKLEY[768]).to_bytes(96, "big")) + t.vector(2, b"\2") + t.vector(2, t.noise(160)) + t.signature(t.TLS12)) + t.server_hello_done()), {
            "must": {WEAK: "critical"}, "says": {WEAK: ["768 bits"]}}
    yield "DHE by OpenSSL", starttls().tls(max="TLSv1.2", ciphers="DHE-RSA-AES256-GCM-SHA384"), {"must_not": [WEAK]}
    yield "1024 bits by OpenSSL", starttls().tls(max="TLSv1.2", ciphers="DHE-RSA-AES256-GCM-SHA384", dh_bits=1024), {"only": {WEAK: "medium"}}
    yield "ECDHE", starttls().tls(max="TLSv1.2"), {"only": {}}


def groups():
    for group, name, bits in (1, "sect163k1", 163), (3, "sect163r2", 163), (4, "sect193r1", 193), (5, "sect193r2", 193), (15, "secp160k1", 160), (17, "secp160r2", 160), (
        18, "secp192k1", 192), (19, "secp192r1", 192):  # fmt: skip
        yield f"curve {name}", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, group=group, groups=[group, 23]), {
            "only": {"tls.group.weak": "medium"}, "says": {"tls.group.weak": [name, f"{bits} bits", f"{name}, secp256r1"]}}
    for group in 6, 14, 20, 21, 23, 29:
        yield f"curve {group}", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, group=group), {"only": {}}
    yield "weak curves only offered", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, groups=[19, 1, 29]), {"only": {}}
    spelled = t.message(12, b"\x01" + t.vector(1, t.noise(32)) + t.vector(1, t.noise(32)) + t.noise(80))
    yield "a curve of its own", Talk(port=465).client(t.client_hello(t.TLS12)).server(t.server_hello(t.TLS12, 0xC02F) + spelled + t.server_hello_done()), {
        "only": {"tls.group.weak": "medium"}, "says": {"tls.group.weak": ["spells out a curve", "x25519, secp256r1, secp384r1"]}}

    def modern(group):
        share = t.extension(43, t.words([t.TLS13])) + t.extension(51, t.words([group]) + t.vector(2, t.noise(1120)))
        return Talk(port=465).tls_by_hand(t.TLS13, 0x1302, groups=[group, 29], server=t.server_hello(t.TLS13, 0x1302, extensions=share, session_id=t.noise(32, "session")))

    for group, name in (0x11EC, "X25519MLKEM768"), (0x11EB, "SecP256r1MLKEM768"), (0x11ED, "SecP384r1MLKEM1024"), (0x11EE, "curveSM2MLKEM768"), (0x0200, "MLKEM512"), (0x0202, "MLKEM1024"):
        yield f"group {name}", modern(group), {"only": {"tls.group.pq": "info"}, "says": {"tls.group.pq": [name, f"0x{group:04x}"]}}
    for group, name in (0x6399, "X25519Kyber768Draft00"), (0x639A, "SecP256r1Kyber768Draft00"), (0x4138, "CECPQ2"):
        yield f"group {name}", modern(group), {"only": {"tls.group.pq_draft": "info"}, "says": {"tls.group.pq_draft": [name, f"0x{group:04x}"]}}
    for group in 0x0203, 0x11EA, 0x11EF, 0x6398, 0x639B, 256, 29:
        yield f"group {group:#06x} is neither", modern(group), {"only": {}}
    yield "a post-quantum group only offered", Talk(port=465).tls_by_hand(t.TLS13, 0x1302, groups=[0x11EC, 29]), {"only": {}}


def signatures():
    for scheme, severity, name, digest in (0x0101, "high", "rsa_pkcs1_md5", "MD5"), (0x0201, "low", "rsa_pkcs1_sha1", "SHA-1"), (0x0203, "low", "ecdsa_sha1", "SHA-1"):
        yield f"signed with {name}", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, scheme=scheme, signatures=[0x0401, scheme]), {
            "only": {SIGNATURE: severity}, "says": {SIGNATURE: [name, f"with {digest}", f"rsa_pkcs1_sha256, {name}"]}}
    yield "signed with SHA-1 under DHE", starttls().tls_by_hand(t.TLS12, 0x009F, prime=2048, scheme=0x0202), {"only": {SIGNATURE: "low"}, "says": {SIGNATURE: ["dsa_sha1"]}}
    yield "signed with SHA-256", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, scheme=0x0401), {"only": {}}
    yield "SHA-1 only offered", Talk(port=465).tls_by_hand(t.TLS12, 0xC02F, signatures=[0x0401, 0x0201, 0x0101]), {"only": {}}
    yield "TLS 1.1 has nothing else", Talk(port=465).tls_by_hand(t.TLS11, 0xC014, scheme=0x0201), {"only": {}}

    def client(scheme):
        verify = t.message(15, t.words([scheme]) + t.vector(2, t.noise(256)))
        hello, flight = t.client_hello(t.TLS12, sni="mx.example.net"), t.server_hello(t.TLS12, 0x009D) + t.certificate([t.noise(500)])
        talk = Talk(port=465).client(hello).server(flight + t.certificate_request() + t.server_hello_done())
        return talk.client(t.certificate([t.noise(400)]) + t.client_key_exchange() + verify + t.ccs() + t.finished()).server(t.ccs() + t.finished())

    yield "the client's proof with SHA-1", client(0x0201), {"only": {SIGNATURE: "low"}, "says": {SIGNATURE: ["The client 198.51.100.10 signed", "rsa_pkcs1_sha1"]}}
    yield "the client's proof with MD5", client(0x0101), {"only": {SIGNATURE: "high"}, "says": {SIGNATURE: ["rsa_pkcs1_md5"]}}
    yield "the client's proof with SHA-256", client(0x0401), {"only": {}}


def cases():
    for group in primes, groups, signatures:
        yield from group()

# SPDX-License-Identifier: Apache-2.0
"""Whole TLS connections as turns, [(side, bytes), ...]: made in memory by OpenSSL (real), or written by hand (by_hand).

conversation.Talk puts them into a TCP connection; its tls() and tls_by_hand() take the same parameters.
"""
import functools
import os
import ssl
import subprocess
import warnings

import pki
import tlsbytes as t

VERSIONS = {"TLSv1": ssl.TLSVersion.TLSv1, "TLSv1.1": ssl.TLSVersion.TLSv1_1, "TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
SIDES = ("client", "server")
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the ssl module has no name for
DATA = (("client", 25), ("server", 120), ("client", 60), ("server", 40))
# Classes of key exchange and so what a handshake by hand sends.
DHE, ANON_DH, EXPORT_RSA = {0x0033, 0x0039, 0x009E, 0x009F, 0x0016, 0x0067, 0x006B, 0x0011, 0x0012, 0x0014, 0x0015}, {0x0018, 0x001A, 0x0034, 0x003A, 0x00A6, 0x00A7, 0x0017, 0x0019, 0x001B}, {0x0003, 0x0006, 0x0008}
ANON_ECDH = {0xC015, 0xC016, 0xC017, 0xC018, 0xC019}


def is_ecdhe(cipher):
    return cipher >> 8 in (0xC0, 0xCC) and cipher not in ANON_ECDH


@functools.cache
def dh_file(bits):
    return pki.kept(f"dh{bits}.pem", lambda path: subprocess.run(["openssl", "dhparam", "-dsaparam", "-out", path, str(bits)], check=True, capture_output=True))


def context(side, lowest, highest, ciphers):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about versions that are old: that is what they are here for
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if side else ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        made.set_ciphers((ciphers or "DEFAULT") + ":@SECLEVEL=0")
        made.minimum_version, made.maximum_version = VERSIONS[lowest], VERSIONS[highest]
    return made


class Play:
    """Both ends in memory, and what they said, in turns."""

    def __init__(self, client, server, sni, session=None):
        wires = self.wires = [ssl.MemoryBIO(), ssl.MemoryBIO()]
        self.ends = [client.wrap_bio(wires[1], wires[0], server_hostname=sni, session=session),
                     server.wrap_bio(wires[0], wires[1], server_side=True)]  # fmt: skip
        self.turns, self.up, self.failed, self.errors = [], [False, False], [False, False], []

    def pump(self, side, what):
        unread = self.wires[side].pending
        try:
            what()
            ok = True
        except ssl.SSLWantReadError:
            ok = False
        except ssl.SSLError as error:
            ok, self.failed[side] = False, True
            self.errors.append(f"{SIDES[side]}: {error.reason}")
        held = self.wires[side].read()
        self.wires[side].write(held)
        if len(held) > unread:
            self.turns.append((SIDES[side], held[unread:]))
        return ok

    def handshake(self):
        while not all(self.up):
            quiet = len(self.turns)
            for side in (0, 1):
                if not self.up[side] and not self.failed[side]:
                    self.up[side] = self.pump(side, self.ends[side].do_handshake)
            if quiet == len(self.turns):
                break
        return all(self.up)

    def data(self, lengths):
        for side, size in lengths:
            side = SIDES.index(side)
            self.pump(side, lambda: self.ends[side].write(b"x" * size))
            self.pump(1 - side, lambda: self.ends[1 - side].read(size))

    def close(self, sides):
        for side in sides:
            self.pump(SIDES.index(side), self.ends[SIDES.index(side)].unwrap)


def refusal(turns, by, code, tls13):
    """The turns up to the certificates, then an alert of `by`: fatal in clear, or noise of its length in TLS 1.3."""
    kept, seen = [], False
    for side, data in turns:
        if side == by and seen:
            break
        kept.append((side, data))
        seen = seen or side == "server"
    if tls13:
        return kept + [(by, t.ccs() + t.encrypted(19))]
    version = int.from_bytes(kept[-1][1][1:3], "big")
    return kept + [(by, t.alert(code, version=version))]


def real(lowest="TLSv1.2", highest="TLSv1.3", *, min=None, max=None, client_min=None, client_max=None, server_min=None, server_max=None,
         ciphers=None, client_ciphers=None, server_ciphers=None, chain="good", key=None, name="mx.example.net", sni="mx.example.net", alpn=None,
         server_alpn=None, client_chain=None, request_client=False, dh_bits=2048, curve=None, resume=False, reject=None, data=DATA, close=("client", "server"),
         at=pki.BASE, certificates=None):
    """See Talk.tls. Gives (turns, established, errors)."""
    highest = max or highest
    lowest = min or ("TLSv1" if list(VERSIONS).index(highest) < list(VERSIONS).index(lowest) else lowest)
    client = context(0, client_min or lowest, client_max or highest, client_ciphers or ciphers)
    server = context(1, server_min or lowest, server_max or highest, server_ciphers or ciphers)
    if isinstance(chain, (str, dict)):
        chain = pki.chain(**{"at": at, "name": name, **({"key": key} if key else {}), **({"kind": chain} if isinstance(chain, str) else chain)})
    if chain is not None:
        server.load_cert_chain(chain.file)
    server.load_dh_params(dh_file(dh_bits))
    if curve:
        server.set_ecdh_curve(curve)
    if alpn:
        client.set_alpn_protocols(alpn)
    if server_alpn or alpn:
        server.set_alpn_protocols(server_alpn or alpn)
    if request_client or client_chain:
        server.verify_mode = ssl.CERT_OPTIONAL
        server.load_verify_locations(pki.roots())
    if client_chain:
        if isinstance(client_chain, str):
            client_chain = pki.chain(client_chain, at=at, name="client.example.org", usage="clientAuth")
        client.load_cert_chain(client_chain.file)
        # Whatever it is, the server takes it; `reject` says if it shall not.
        server.verify_flags = int(server.verify_flags) | ssl.VERIFY_X509_PARTIAL_CHAIN | NO_CHECK_TIME
        server.load_verify_locations(client_chain.parts[0])
    if sni and sni.replace(".", "").isdigit():
        sni = None
    play = Play(client, server, sni)
    up = play.handshake()
    if resume and up:
        play.data([("server", 1), ("client", 1)])
        session = play.ends[0].session
        play = Play(client, server, sni, session)
        up = play.handshake()
    tls13 = up and play.ends[0].version() == "TLSv1.3"
    turns = play.turns
    if reject is not None:
        by, code = reject if isinstance(reject, tuple) else ("client", reject)
        turns, up = refusal(turns, by, code, tls13), False
    elif up:
        play.data(data)
        play.close(close)
    if certificates is not None:
        turns = [(side, t.with_certificates(sent, certificates) if side == "server" and sent[:1] == b"\x16" else sent) for side, sent in turns]
    return turns, up, play.errors


def prime_of(bits):
    """An odd number of that many bits with the top one set; whether it is prime is nobody's business here."""
    return int.from_bytes(t.noise((bits + 7) // 8, f"prime {bits}"), "big") % (1 << bits) | 1 << (bits - 1) | 1


def by_hand(version=t.TLS12, cipher=0xC02F, *, hello=None, server=None, offer=None, chain="good", key=None, name="mx.example.net", prime=None, group=29,
            signed=True, scheme=0x0401, request_client=False, client_certificates=None, resumed=False, stop=None, reject=None, data=DATA,
            close=("client", "server"), after=(), at=pki.BASE, **more):
    """See Talk.tls_by_hand. Gives turns."""
    if isinstance(chain, (str, dict)):
        chain = pki.chain(**{"at": at, "name": name, **({"key": key} if key else {}), **({"kind": chain} if isinstance(chain, str) else chain)}).ders
    elif chain is not None and not isinstance(chain, (list, tuple)):
        chain = chain.ders
    names = "sni versions groups signatures alpn key_share etm ems renegotiation ticket heartbeat status extensions compression session_id record_version seed".split()
    client = {key: more.pop(key) for key in names if key in more}
    shared = {key: client[key] for key in ("heartbeat", "ems", "etm", "renegotiation") if client.get(key) is not None}
    answer = {**shared, **{key: more.pop(f"server_{key}") for key in ("extensions", "compression", "seed", "heartbeat", "ems", "etm", "ticket", "renegotiation")
                           if f"server_{key}" in more}}  # fmt: skip
    answer["sentinel"] = more.pop("sentinel", b"")
    offered = more.pop("offered", version)  # the client's highest version
    if more:
        raise ValueError(f"no parameters of tls_by_hand(): {sorted(more)}")
    if hello is None:
        ciphers = offer if offer is not None else None
        if ciphers is None and offered < t.TLS13 and cipher not in t.SUITES:
            ciphers = [cipher, *([0xC014, 0x0035, 0x002F] if cipher != 0x0035 else [])]
        if resumed:
            client.setdefault("session_id", t.noise(32, "resumed"))
        client.setdefault("sni", name if offered >= t.TLS10 and "extensions" not in client else None)
        if client.get("extensions") is not None:
            client.pop("sni")
        hello = t.client_hello(offered, ciphers, **client)
    turns = [("client", hello)]
    if stop == "client_hello":
        return turns
    if reject and reject[0] == "server":
        return turns + [("server", t.alert(reject[1], version=min(version, t.TLS12)))]
    session = t.noise(32, "resumed") if resumed else b""
    if version == t.TLS13:
        session = client.get("session_id") or t.noise(32, "session")
    flight = server if server is not None else t.server_hello(version, cipher, session_id=session, **answer)
    if stop == "server_hello":
        return turns + [("server", flight)]
    if version == t.TLS13:
        size = 200 + sum(map(len, chain or []))
        turns.append(("server", flight + t.ccs() + t.encrypted(40) + t.encrypted(size) + t.encrypted(281) + t.encrypted(69)))
        if reject:
            return turns + [("client", t.ccs() + t.encrypted(19))]
        turns.append(("client", t.ccs() + t.encrypted(69)))
    elif resumed:
        turns += [("server", flight + t.ccs(version) + t.finished(version)), ("client", t.ccs(version) + t.finished(version))]
    else:
        anonymous = cipher in ANON_DH or cipher in ANON_ECDH
        if chain and not anonymous:
            flight += t.certificate(chain, version)
        if stop == "certificate":
            return turns + [("server", flight)]
        if prime is not None or cipher in DHE | ANON_DH:
            prime = prime_of(prime or 2048) if prime is None or prime < 1 << 20 else prime
            flight += t.key_exchange_dhe(prime, version, scheme=scheme, signed=signed and not anonymous)
        elif is_ecdhe(cipher) or cipher in ANON_ECDH:
            flight += t.key_exchange_ecdhe(group, version, scheme, signed=signed and not anonymous)
        elif cipher in EXPORT_RSA:
            flight += t.key_exchange_rsa_export(512, version)
        if request_client or client_certificates is not None:
            flight += t.certificate_request(version)
        turns.append(("server", flight + t.server_hello_done(version)))
        if stop == "server_done":
            return turns
        if reject:
            return turns + [(reject[0], t.alert(reject[1], version=version))]
        reply = t.certificate(client_certificates or [], version) if request_client or client_certificates is not None else b""
        turns.append(("client", reply + t.client_key_exchange(version) + t.ccs(version) + t.finished(version)))
        if stop == "client_key":
            return turns
        turns.append(("server", t.ccs(version) + t.finished(version)))
    wire = min(version, t.TLS12)
    for number, (side, size) in enumerate(data):
        turns.append((side, t.encrypted(size + 24, version=wire, seed=number)))
    turns += list(after)
    for side in close:
        turns.append((side, t.encrypted(19, version=wire) if version == t.TLS13 else t.encrypted(26, t.ALERT, wire)))
    return turns

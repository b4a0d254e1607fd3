#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/unit/tls/data/*.bin: handshakes between two TLS stacks in memory, nothing on a network.

    make-tls-transcripts.py OUT_DIR

A file is a list of (side, length, bytes): one octet 0 client or 1 server, four octets of length, then what that side sent
before it waited for the other. Keys and certificates are made for the run and thrown away; the bytes differ on every run,
the facts do not.
"""
import os
import ssl
import struct
import subprocess
import sys
import tempfile
import warnings


def certificate(folder, name, *key):
    path = os.path.join(folder, name + ".pem")
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "3650", "-subj", "/CN=mx.example.org", "-keyout", path + ".key",
                    "-out", path + ".crt", *key], check=True, capture_output=True)
    with open(path, "w") as out:
        out.write(open(path + ".key").read() + open(path + ".crt").read())
    return path


def context(side, version, ciphers=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if side else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.set_ciphers((ciphers or "ALL") + ":@SECLEVEL=0")
    made.minimum_version = made.maximum_version = version
    return made


def talk(client, server, session=None, data=True):
    """Both ends until neither has anything to say; what each sent, in turns; and the client's session."""
    wires = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    ends = [client.wrap_bio(wires[1], wires[0], server_hostname="mx.example.org", session=session),
            server.wrap_bio(wires[0], wires[1], server_side=True)]
    turns, up, failed = [], [False, False], [False, False]

    def pump(side, what):
        unread = wires[side].pending
        try:
            what()
            ok = True
        except ssl.SSLWantReadError:
            ok = False
        except ssl.SSLError:
            ok, failed[side] = False, True
        held = wires[side].read()
        wires[side].write(held)
        if len(held) > unread:
            turns.append((side, held[unread:]))
        return ok

    while not all(up) and len(turns) < 20:
        quiet = len(turns)
        for side in (0, 1):
            if not up[side] and not failed[side]:
                up[side] = pump(side, ends[side].do_handshake)
        if quiet == len(turns):
            break
    if all(up) and data:
        pump(0, lambda: ends[0].write(b"EHLO client.example.org\r\n"))
        pump(1, lambda: (ends[1].read(100), ends[1].write(b"250 mx.example.org\r\n")))
        pump(0, lambda: ends[0].read(100))
        pump(0, lambda: ends[0].unwrap())
        pump(1, lambda: ends[1].unwrap())
    return turns, ends[0].session if all(up) else None


def main():
    warnings.simplefilter("ignore")  # about versions that are old: that is what they are here for
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        ec = certificate(folder, "ec", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
        rsa = certificate(folder, "rsa", "-newkey", "rsa:2048")
        v12, v13, v10 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1

        def pair(version, cert, ciphers=None):
            client, server = context(0, version, ciphers), context(1, version, ciphers)
            server.load_cert_chain(cert)
            return client, server

        client, server = pair(v12, ec, "ECDHE-ECDSA-AES128-GCM-SHA256")
        made["tls12"], session = talk(client, server)
        made["tls12-resumed"], _ = talk(client, server, session)

        client, server = pair(v12, rsa, "DHE-RSA-AES256-GCM-SHA384")
        dh = os.path.join(folder, "dh.pem")
        subprocess.run(["openssl", "dhparam", "-dsaparam", "-out", dh, "1024"], check=True, capture_output=True)
        server.load_dh_params(dh)
        made["tls12-dhe1024"], _ = talk(client, server)

        client, server = pair(v10, rsa, "AES128-SHA")
        made["tls10"], _ = talk(client, server)

        client, server = pair(v12, ec)
        server.verify_mode = ssl.CERT_OPTIONAL
        server.load_verify_locations(ec + ".crt")
        client.load_cert_chain(ec)
        made["tls12-client-certificate"], _ = talk(client, server)

        client, server = pair(v12, ec)
        client.verify_mode = ssl.CERT_REQUIRED
        made["tls12-unknown-ca"], _ = talk(client, server)

        client, server = pair(v13, ec)
        client.set_alpn_protocols(["smtp", "x"])
        server.set_alpn_protocols(["smtp"])
        made["tls13"], session = talk(client, server)
        made["tls13-psk"], _ = talk(client, server, session)

        client, server = pair(v13, ec)
        server.set_ecdh_curve("secp384r1")
        made["tls13-retry"], _ = talk(client, server)

        client, server = pair(v13, ec)
        client.verify_mode = ssl.CERT_REQUIRED
        made["tls13-unknown-ca"], _ = talk(client, server)

        client, server = context(0, v13), context(1, v12)
        server.load_cert_chain(ec)
        made["version-refused"], _ = talk(client, server)

    for name, turns in made.items():
        with open(os.path.join(out, name + ".bin"), "wb") as file:
            for side, sent in turns:
                file.write(struct.pack(">BI", side, len(sent)) + sent)
        print(name, [("CS"[side], len(sent)) for side, sent in turns])


if __name__ == "__main__":
    main()

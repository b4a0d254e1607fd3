#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An antivirus or firewall that reads TLS: it ends TLS on both sides and shows the client a certificate of its own making.
For this lab only: to make captures of what such boxes do.

TLS 1.2 towards the client, so that the certificate can be seen. Works on ports where TLS begins at once and after STARTTLS
(SMTP, LMTP, IMAP, POP3, ManageSieve). The leaf has subject and names of the server's own certificate and a new key, and is
signed under a root whose issuer names are those of a product in products.tsv, or of --issuer. Authorities and leaves are
kept in the folder --ca; give that folder's ca.pem to a client that shall believe them.
"""
import contextlib
import fcntl
import hashlib
import pathlib
import select
import socket
import ssl
import struct
import subprocess
import threading

import dialogue
import intercept

PRODUCTS = pathlib.Path(__file__).with_name("products.tsv")
IMPLICIT = (465, 993, 995)
SEND_TIMEOUT_S = 5


def products():
    """{name: (issuer parts, dates "copy" or "fresh")}"""
    rows = [line.split("\t") for line in PRODUCTS.read_text().splitlines() if not line.startswith("#")]
    return {name: (issuer.split("|"), dates) for name, issuer, _rows, dates, _what in rows}


def openssl(*words, text_in=None):
    done = subprocess.run(["openssl", *map(str, words)], input=text_in, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"openssl {' '.join(map(str, words))}: {done.stderr.strip()[-400:]}")
    return done.stdout


class Authority:
    """The product's root, and a leaf for each certificate of a server."""

    def __init__(self, folder, issuer, dates):
        self.folder, self.dates = pathlib.Path(folder), dates
        self.root, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            self._make_root(issuer)

    @contextlib.contextmanager
    def _locked(self):
        """Against other threads, and against another recording that uses the same folder."""
        with open(self.folder / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make_root(self, issuer):
        if not self.root.exists():
            config = "[req]\ndistinguished_name=dn\nprompt=no\nutf8=yes\n[dn]\n" + "".join(
                f"{index}.{part}\n" for index, part in enumerate(self._escaped(issuer)))
            (self.folder / "ca.cnf").write_text(config + "[ca]\nbasicConstraints=critical,CA:TRUE\n"
                                                "keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n")
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 3650, "-keyout", self.key, "-out", self.root,
                    "-config", self.folder / "ca.cnf", "-extensions", "ca")

    @staticmethod
    def _escaped(parts):
        """Values for an OpenSSL configuration: it eats outer blanks and reads $, # and backslash as its own."""
        for part in parts:
            name, value = part.split("=", 1)
            yield f'{name}="{value}"'

    def leaf(self, genuine_der):
        """(certificate chain, key) files for one certificate of a server."""
        name = hashlib.sha256(genuine_der).hexdigest()[:16]
        chain, key = self.folder / f"{name}.chain", self.folder / f"{name}.key"
        with self._locked():
            if not chain.exists():
                self._make_leaf(name, genuine_der, chain, key)
        return chain, key

    def _make_leaf(self, name, genuine_der, chain, key):
        genuine = self.folder / f"{name}.genuine"
        genuine.write_text(ssl.DER_cert_to_PEM_cert(genuine_der))
        names = openssl("x509", "-in", genuine, "-noout", "-ext", "subjectAltName").splitlines()
        alternative = f"subjectAltName={names[1].strip().replace('IP Address', 'IP')}\n" if len(names) > 1 else ""
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(alternative + "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
                              "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
        dates = ["-preserve_dates"] if self.dates == "copy" else ["-days", "90"]
        own = self.folder / f"{name}.own"  # openssl x509 -CA takes requests and self-signed certificates only
        openssl("x509", "-in", genuine, "-clrext", "-signkey", key, "-out", own, *dates)
        leaf = openssl("x509", "-in", own, "-clrext", "-CA", self.root, "-CAkey", self.key, "-set_serial", f"0x{name}",
                       "-extfile", extensions, *dates)
        chain.write_text(leaf + self.root.read_text())


def server_name(hello):
    """The name in a ClientHello, or None; of a hello that is not there whole, what can be seen."""
    try:
        at = 43
        at += 1 + hello[at]
        at += 2 + struct.unpack_from("!H", hello, at)[0]
        at += 1 + hello[at] + 2
        while at + 9 <= len(hello):
            kind, length = struct.unpack_from("!HH", hello, at)
            if kind == 0:
                return hello[at + 9 : at + 4 + length].decode("ascii")
            at += 4 + length
    except (IndexError, struct.error, UnicodeDecodeError):
        pass
    return None


class Resigner(dialogue.Dialogue):
    def __init__(self, connection, authority, highest):
        super().__init__(connection)
        self.authority, self.highest = authority, highest

    def run(self):
        """Clear until the server agrees to TLS, if it is not TLS from the first byte; then TLS on both sides."""
        connection = self.connection
        connection.connect()
        if connection.server_address[1] not in IMPLICIT and not self._clear():
            return
        hello = connection.client.recv(16384, socket.MSG_PEEK)
        if hello[:1] != b"\x16":
            return
        upstream = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        upstream.check_hostname, upstream.verify_mode = False, ssl.CERT_NONE
        server = upstream.wrap_socket(connection.server, server_hostname=server_name(hello))
        chain, key = self.authority.leaf(server.getpeercert(binary_form=True))
        downstream = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        downstream.maximum_version = self.highest
        downstream.load_cert_chain(chain, key)
        try:
            client = downstream.wrap_socket(connection.client, server_side=True)
        except ssl.SSLError as error:
            intercept.log(f"connection {connection.number}: client: {error.reason}")
            server.close()
            return
        connection.client, connection.server = client, server
        relay_tls(client, server)

    def _clear(self):
        """Relays lines; True when the server has agreed to TLS and the client has been told."""
        sides = {self.connection.client: (self.connection.server, "client", self._client_line),
                 self.connection.server: (self.connection.client, "server", self._server_line)}
        while not self.accepted:
            for side in select.select(list(sides), [], [])[0]:
                target, name, change = sides[side]
                data = side.recv(65536)
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return False
                target.sendall(self._relay(name, data, change))
        return True


def relay_tls(client, server):
    """What was said inside one TLS goes into the other, and close_notify too. One thread: a TLS object takes no two."""
    other = {client: server, server: client}
    while True:
        if not client.pending() and not server.pending():
            select.select([client, server], [], [])
        for side, target in other.items():
            side.settimeout(0)
            try:
                data = side.recv(16384)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            except OSError:  # gone without a word: so is the other side
                return
            target.settimeout(SEND_TIMEOUT_S)
            if data:
                target.sendall(data)
                continue
            with contextlib.suppress(OSError):
                target.unwrap()
            return


def main():
    options = intercept.parser(__doc__, ports=(25, 110, 143, 465, 587, 993, 995))
    options.add_argument("--ca", required=True, metavar="FOLDER", help="where the authority and the leaves are kept")
    options.add_argument("--product", choices=sorted(products()), default="made-up", help="default: made-up")
    options.add_argument("--issuer", metavar="PARTS", help='own issuer names instead, such as "O=Example|CN=Example CA"')
    options.add_argument("--tls13", action="store_true", help="speak TLS 1.3 to the client: nobody sees the certificate")
    arguments = options.parse_args()
    issuer, dates = products()[arguments.product]
    authority = Authority(arguments.ca, arguments.issuer.split("|") if arguments.issuer else issuer, dates)
    highest = ssl.TLSVersion.TLSv1_3 if arguments.tls13 else ssl.TLSVersion.TLSv1_2
    intercept.serve(arguments,
                    dialogue.handler(lambda connection: Resigner(connection, authority, highest)))


if __name__ == "__main__":
    main()

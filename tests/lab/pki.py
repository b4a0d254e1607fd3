# SPDX-License-Identifier: Apache-2.0
"""The lab's certification authorities and certificates, made once with OpenSSL and kept: a second recording uses the same.

Everything is under example.org. The root plays a public authority: `check` gives it to starttap as the list of public
ones. CERTIFICATES is the whole list; dates are days from the making.
"""
import os
import shutil
import subprocess
from datetime import datetime, timedelta, timezone

from spaces import LabError

CONFIG = """
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
organizationName = optional
organizationalUnitName = optional
commonName = optional
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = ${ENV::NAMES}
[client]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[bare]
subjectKeyIdentifier = hash
subjectAltName = ${ENV::NAMES}
[req]
distinguished_name = dn
[dn]
"""
RSA, SMALL, EC, ED = (
    ("rsa", "rsa_keygen_bits:2048"), ("rsa", "rsa_keygen_bits:1024"), ("ec", "ec_paramgen_curve:P-256"), ("ed25519",))

# name: (subject, key, section, issuer or "self", first day, last day, names, digest, chain sent)
CERTIFICATES = {
    "ca": ("/O=Example Mail/CN=Example Mail CA", RSA, "root", "self", -1095, 3650, "", "sha256", ()),
    "intermediate": ("/O=Example Mail/CN=Example Mail Intermediate CA", RSA, "intermediate", "ca", -730, 1825, "", "sha256", ()),
    "strange-ca": ("/O=Example Unknown/CN=Example Unknown CA", RSA, "root", "self", -1095, 3650, "", "sha256", ()),
    "mx": ("/CN=mx.example.org", RSA, "server", "intermediate", -20, 90,
           "DNS:mx.example.org,DNS:mx2.example.org,DNS:mx3.example.org", "sha256", ("intermediate",)),
    "mail": ("/CN=mail.example.org", EC, "server", "intermediate", -20, 90, "DNS:mail.example.org,DNS:mail2.example.org",
             "sha256", ("intermediate",)),
    "mail-rsa": ("/CN=mail.example.org", RSA, "server", "intermediate", -20, 90, "DNS:mail.example.org", "sha256",
                 ("intermediate",)),
    "mail-renewed": ("/CN=mail.example.org", EC, "server", "intermediate", -1, 109, "DNS:mail.example.org", "sha256",
                     ("intermediate",)),
    "ed25519": ("/CN=mail.example.org", ED, "server", "intermediate", -20, 90, "DNS:mail.example.org", "sha256",
                ("intermediate",)),
    "wildcard": ("/CN=*.example.org", RSA, "server", "intermediate", -20, 90, "DNS:*.example.org", "sha256",
                 ("intermediate",)),
    "expired": ("/CN=mail.example.org", RSA, "server", "intermediate", -145, -35, "DNS:mail.example.org,DNS:mx.example.org",
                "sha256", ("intermediate",)),
    "not-yet": ("/CN=mail.example.org", RSA, "server", "intermediate", 20, 130, "DNS:mail.example.org,DNS:mx.example.org",
                "sha256", ("intermediate",)),
    "localhost": ("/CN=localhost", RSA, "server", "intermediate", -20, 90, "DNS:localhost", "sha256", ("intermediate",)),
    "address": ("/CN=217.0.0.1", RSA, "server", "intermediate", -20, 90, "IP:217.0.0.1", "sha256", ("intermediate",)),
    "no-intermediate": ("/CN=mail.example.org", RSA, "server", "intermediate", -20, 90, "DNS:mail.example.org,DNS:mx.example.org",
                        "sha256", ()),
    "self-signed": ("/CN=mail.example.org", RSA, "bare", "self", -20, 90, "DNS:mail.example.org,DNS:mx.example.org",
                    "sha256", ()),
    "unknown-ca": ("/CN=mail.example.org", RSA, "server", "strange-ca", -20, 90, "DNS:mail.example.org,DNS:mx.example.org",
                   "sha256", ()),
    "with-root": ("/CN=mail.example.org", RSA, "server", "strange-ca", -20, 90, "DNS:mail.example.org", "sha256",
                  ("strange-ca",)),
    "strange-intermediate": ("/O=Example Unknown/CN=Example Unknown Intermediate CA", RSA, "intermediate", "strange-ca",
                             -730, 1825, "", "sha256", ()),
    "private-chain": ("/CN=mail.example.org", RSA, "server", "strange-intermediate", -20, 90, "DNS:mail.example.org", "sha256",
                      ("strange-intermediate",)),
    "weak": ("/CN=mail.example.org", SMALL, "server", "intermediate", -20, 90, "DNS:mail.example.org", "sha256",
             ("intermediate",)),
    "sha1": ("/CN=mail.example.org", RSA, "server", "intermediate", -20, 90, "DNS:mail.example.org", "sha1",
             ("intermediate",)),
    "appliance": ("/O=Example Mail/CN=legacy.example.org", SMALL, "bare", "self", -2000, 5000,
                  "DNS:legacy.example.org", "sha1", ()),
    "client": ("/O=Example Mail/CN=client.example.org", RSA, "client", "intermediate", -20, 90, "", "sha256",
               ("intermediate",)),
    "client-expired": ("/O=Example Mail/CN=client.example.org", RSA, "client", "intermediate", -145, -35, "", "sha256",
                       ("intermediate",)),
    "client-unknown": ("/O=Example Mail/CN=client.example.org", RSA, "client", "strange-ca", -20, 90, "", "sha256", ()),
}


def day(number):
    at = datetime.now(timezone.utc) + timedelta(days=number)
    return at.strftime("%Y%m%d000000Z")


class Pki:
    """A folder of NAME.key, NAME.pem, NAME.chain (what a server sends) and NAME.p12 (password `lab`)."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name, kind="chain"):
        return self.folder / f"{name}.{kind}"

    def make(self):
        """Makes what is missing; what is there stays, until it is about to expire."""
        if self.path("mx", "pem").exists() and not self.lasts("mx"):
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        for file, text in (("index.txt", ""), ("serial", "1000\n")):
            if not (self.folder / file).exists():
                (self.folder / file).write_text(text)
        (self.folder / "openssl.cnf").write_text(CONFIG)
        for name in CERTIFICATES:
            if not self.path(name, "p12").exists():
                self.make_one(name)
        if not self.path("dh1024", "pem").exists():
            self.openssl("dhparam", "-dsaparam", "-out", "dh1024.pem", "1024")

    def make_one(self, name):
        subject, key, section, issuer, first, last, names, digest, chain = CERTIFICATES[name]
        names = names or "DNS:unused.example.org"
        options = [word for option in key[1:] for word in ("-pkeyopt", option)]
        self.openssl("req", "-new", "-newkey", key[0], *options, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                     "-subj", subject, "-config", "openssl.cnf", names=names)
        signer = name if issuer == "self" else issuer
        certificate = [] if issuer == "self" else ["-cert", f"{signer}.pem"]
        self.openssl("ca", "-batch", "-notext", "-config", "openssl.cnf", "-in", f"{name}.csr", "-out", f"{name}.pem",
                     "-extensions", section, "-keyfile", f"{signer}.key", "-startdate", day(first), "-enddate", day(last),
                     "-md", digest, *(["-selfsign"] if issuer == "self" else []), *certificate, names=names)
        parts = [self.path(part, "pem").read_text() for part in (name, *chain)]
        self.path(name).write_text("".join(parts))
        self.path(name, "rest").write_text("".join(parts[1:]))
        self.openssl("pkcs12", "-export", "-inkey", f"{name}.key", "-in", f"{name}.chain", "-out", f"{name}.p12",
                     "-passout", "pass:lab", "-name", name)
        for kind in "key", "p12":
            self.path(name, kind).chmod(0o644)  # servers that run as other users read them; they protect nothing

    def lasts(self, name):
        """For a week, at least."""
        done = subprocess.run(["openssl", "x509", "-in", self.path(name, "pem"), "-noout", "-checkend", str(7 * 86400)],
                              capture_output=True, check=False)
        return done.returncode == 0

    def openssl(self, *words, names="DNS:unused.example.org"):
        done = subprocess.run(["openssl", *words], cwd=self.folder, env={**os.environ, "NAMES": names}, capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise LabError(f"openssl {' '.join(words)}: {done.stderr.strip()[-600:]}")

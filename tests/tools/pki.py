# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made with the openssl command when they are first wanted and kept in a folder.

    import pki
    chain = pki.chain("expired", name="mx.example.net", at=seconds)   # .file: PEM with key, as a server loads it; .ders
    pki.roots()                                                       # the "public" authorities: --set x509.ca_bundle=
    pki.extra()                                                       # the operator's own: --set x509.ca_extra=

KINDS says what there is; every parameter of chain() may be given beside a kind and wins over it. Dates are days from `at`,
the time of the capture, so that a test means the same in ten years. The folder is $STARTTAP_TEST_PKI, else test-pki in the
build folder of the repository, else one in the system's temporary folder. Nothing in it protects anything.
"""
import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone

DAY = 86400
BASE = 1_777_852_800  # 2026-05-04, the day of Talk's default start
AUTHORITIES = {  # name: (subject, issuer, in what list)
    "root": ("/C=US/O=Example Trust Services/CN=Example Trust Root R1", None),
    "inter": ("/C=US/O=Example Trust Services/CN=Example Trust TLS CA 1", "root"),
    "unlisted": ("/O=Unlisted Ltd/CN=Unlisted Root CA", None),
    "own": ("/O=Example Company/CN=Example Company CA", None),
    "other": ("/C=US/O=Example Trust Services/CN=Example Trust Code CA", "root"),
}
# kind: parameters of chain().
KINDS = {
    "good": {},
    "expired": {"before": -400, "after": -10},
    "not_yet_valid": {"before": 10, "after": 400},
    "wrong_name": {"san": "DNS:other.example.com"},
    "cn_only": {"san": ""},
    "wildcard": {"san": "DNS:*.example.net"},
    "long": {"before": -30, "after": 3650},
    "weak_key": {"key": "rsa1024"},
    "sha1": {"digest": "sha1"},
    "md5": {"digest": "md5"},
    "ca_leaf": {"ca": True},
    "v1": {"v1": True},
    "no_server_auth": {"usage": "clientAuth"},
    "missing_intermediate": {"send": ["leaf"]},
    "with_root": {"send": ["leaf", "inter", "root"]},
    "wrong_order": {"send": ["leaf", "root", "inter"]},
    "extra": {"send": ["leaf", "inter", "other"]},
    "repeated": {"send": ["leaf", "inter", "inter"]},
    "self_signed": {"issuer": "self", "send": ["leaf"]},
    "unknown_ca": {"issuer": "unlisted", "send": ["leaf"]},
    "unknown_ca_with_root": {"issuer": "unlisted", "send": ["leaf", "issuer"]},
    "own_ca": {"issuer": "own", "send": ["leaf"]},
    "interceptor": {"issuer_cn": "Example Inspection Root", "issuer_o": "Example Security", "send": ["leaf", "issuer"]},
    # A public authority's name on a key that is not its own.
    "name_collision": {"issuer_subject": AUTHORITIES["inter"][0], "send": ["leaf"]},
    "expired_intermediate": {"issuer": "old_inter", "send": ["leaf", "issuer"]},
}  # fmt: skip
KEYS = {
    "ec256": ("EC", "ec_paramgen_curve:P-256"), "ec384": ("EC", "ec_paramgen_curve:P-384"), "ed25519": ("ED25519",),
    "dsa": ("DSA",),
}  # fmt: skip


class Chain:
    def __init__(self, file, parts, key):
        self.file, self.parts, self.key = file, parts, key
        self.ders = [der(part) for part in parts]

    def sha256(self, number=0):
        return hashlib.sha256(self.ders[number]).hexdigest()

    def spki_sha256(self, number=0):
        public = openssl("x509", "-in", self.parts[number], "-noout", "-pubkey")
        return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER", data=public)).hexdigest()


def openssl(*words, data=None, cwd=None):
    done = subprocess.run(["openssl", *words], input=data, capture_output=True, check=False, cwd=cwd)
    if done.returncode:
        raise RuntimeError(f"openssl {' '.join(words)}: {done.stderr.decode(errors='replace')[-800:]}")
    return done.stdout


@functools.cache
def folder():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    build = os.path.join(root, "build")
    path = os.environ.get("STARTTAP_TEST_PKI") or os.path.join(
        build if os.path.isdir(build) and os.access(build, os.W_OK) else tempfile.gettempdir(), "test-pki")
    os.makedirs(path, exist_ok=True)
    return path


@functools.cache
def der(path):
    return openssl("x509", "-in", path, "-outform", "DER")


def kept(name, make):
    """The path of a file that make(temporary path) writes if it is not there yet; others may make it at the same time."""
    path = os.path.join(folder(), name)
    if not os.path.exists(path):
        with open(os.path.join(folder(), name + ".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(path):
                make(path + ".new")
                os.rename(path + ".new", path)
    return path


def make_key(kind, path):
    if kind == "dsa":
        openssl("genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024", "-out", path + ".par")
        openssl("genpkey", "-paramfile", path + ".par", "-out", path)
        return
    algorithm, *options = KEYS.get(kind) or ("RSA", f"rsa_keygen_bits:{kind.removeprefix('rsa')}")
    openssl("genpkey", "-algorithm", algorithm, *[word for option in options for word in ("-pkeyopt", option)], "-out", path)


def key_file(kind, owner="leaf"):
    return kept(f"{owner}-{kind}.key", functools.partial(make_key, kind))


def config(extensions):
    names = "countryName stateOrProvinceName localityName organizationName organizationalUnitName commonName emailAddress".split()
    return "\n".join([
        "[ca]", "default_ca = own", "[own]", "database = index.txt", "serial = serial", "new_certs_dir = .",
        "policy = any", "unique_subject = no", "email_in_dn = yes", "string_mask = utf8only",
        *(["x509_extensions = ext"] if extensions else []), "[any]", *[f"{name} = optional" for name in names],
        "[req]", "distinguished_name = dn", "string_mask = utf8only", "[dn]", "[ext]", *extensions, "",
    ])  # fmt: skip


def make_certificate(spec, path):
    """`spec`: subject, key (file), signer and signer_key (files) or None, first and last day, digest, extensions, serial."""

    def day(number):
        at = datetime.fromtimestamp(spec["at"], timezone.utc) + timedelta(days=number)
        return at.strftime("%Y%m%d%H%M%SZ")

    work = tempfile.mkdtemp(dir=folder())
    try:
        serial = spec["serial"] or hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16].replace("0", "1", 1)
        for name, text in ("index.txt", ""), ("serial", serial + "\n"), ("cnf", config(spec["extensions"])):
            with open(os.path.join(work, name), "w", encoding="utf-8") as file:
                file.write(text)
        openssl("req", "-new", "-utf8", "-config", "cnf", "-key", spec["key"], "-subj", spec["subject"], "-out", "csr", cwd=work)
        signer = ["-cert", spec["signer"], "-keyfile", spec["signer_key"]] if spec["signer"] else ["-selfsign", "-keyfile", spec["key"]]
        openssl("ca", "-batch", "-notext", "-preserveDN", "-utf8", "-config", "cnf", "-in", "csr", "-out", path, "-startdate",
                day(spec["before"]), "-enddate", day(spec["after"]), "-md", spec["digest"], *signer, cwd=work)
    finally:
        shutil.rmtree(work)


def certificate(**spec):
    """The path of one certificate."""
    name = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:24]
    return kept(name + ".pem", functools.partial(make_certificate, spec))


CA = ["basicConstraints = critical,CA:TRUE", "keyUsage = critical,keyCertSign,cRLSign", "subjectKeyIdentifier = hash"]


def authority(subject, parent=None, key="rsa2048", before=-1500, after=3600, extensions=(), owner=None):
    """(certificate, key file) of an authority; parent is such a pair."""
    owner = owner or hashlib.sha256(subject.encode()).hexdigest()[:12]
    own = key_file(key, "ca-" + owner)
    path = certificate(subject=subject, key=own, signer=parent and parent[0], signer_key=parent and parent[1], at=BASE, before=before,
                       after=after, digest="sha256", serial="", extensions=[*CA, *extensions])
    return path, own


def named(name):
    if name == "old_inter":
        return authority("/C=US/O=Example Trust Services/CN=Example Trust TLS CA 0", named("root"), before=-1500, after=-100)
    subject, parent = AUTHORITIES[name]
    return authority(subject, named(parent) if parent else None)


def joined(name, parts):
    def write(path):
        with open(path, "wb") as out:
            for part in parts:
                with open(part, "rb") as file:
                    out.write(file.read())

    return kept(name, write)


def roots():
    return joined("roots.pem", [named("root")[0]])


def extra():
    return joined("extra.pem", [named("own")[0]])


def escaped(text):
    return text.replace("\\", "\\\\").replace("/", "\\/").replace("+", "\\+")


def chain(kind="good", at=BASE, **given):
    """A chain as a server sends it, with the leaf's key. Parameters:

    name      host name of subject and SAN (mx.example.net)     subject  "/O=x/CN=y", instead
    san       "DNS:a,IP:192.0.2.1"; "": none                    key      rsa1024 rsa2048 ec256 ec384 ed25519 dsa ...
    before, after  days from `at`                               digest   sha256, sha1, md5
    ca, v1    a leaf that is an authority; without extensions   usage    extendedKeyUsage; "": none
    extensions  more lines of an OpenSSL extension section      serial   hexadecimal
    issuer    inter root unlisted own self, or a pair of authority()
    issuer_subject, issuer_cn, issuer_o, issuer_ou   an authority of that name, self-signed and unlisted
    issuer_key, issuer_extensions   of that authority
    send      of leaf issuer inter root other unlisted own, in the order sent
    """
    if kind not in KINDS:
        raise ValueError(f"no kind of chain {kind!r}; there are: {' '.join(KINDS)}")
    p = {"name": "mx.example.net", "key": "rsa2048", "before": -30, "after": 60, "digest": "sha256", "issuer": "inter",
         "usage": "serverAuth", "send": None, "extensions": (), "ca": False, "v1": False, "serial": "", **KINDS[kind], **given}  # fmt: skip
    unknown = set(p) - set("""name key before after digest issuer usage send extensions ca v1 serial san subject issuer_subject
        issuer_cn issuer_o issuer_ou issuer_key issuer_extensions""".split())
    if unknown:
        raise ValueError(f"no parameters of chain(): {unknown}")
    parts = [(short, p.get(member)) for short, member in (("O", "issuer_o"), ("OU", "issuer_ou"), ("CN", "issuer_cn"))]
    subject = p.get("issuer_subject") or "".join(f"/{short}={escaped(text)}" for short, text in parts if text)
    issuer = p["issuer"]
    if subject:
        issuer = authority(subject, key=p.get("issuer_key", "rsa2048"), extensions=tuple(p.get("issuer_extensions", ())),
                           owner="fake-" + hashlib.sha256(subject.encode()).hexdigest()[:12])
        p["send"] = p["send"] or ["leaf"]
    elif isinstance(issuer, str) and issuer != "self":
        issuer = named(issuer)
    name = p["name"]
    is_address = name.replace(".", "").isdigit() or ":" in name
    san = p.get("san", f"{'IP' if is_address else 'DNS'}:{name}")
    extensions = [] if p["v1"] else [
        f"basicConstraints = critical,CA:{'TRUE' if p['ca'] else 'FALSE'}", "subjectKeyIdentifier = hash",
        f"keyUsage = critical,digitalSignature,{'keyCertSign' if p['ca'] else 'keyEncipherment'}",
        *([f"extendedKeyUsage = {p['usage']}"] if p["usage"] else []), *([f"subjectAltName = {san}"] if san else []),
        *p["extensions"]]  # fmt: skip
    own = key_file(p["key"])
    signer = (None, None) if issuer == "self" else issuer
    leaf = certificate(subject=p.get("subject") or f"/CN={escaped(name)}", key=own, signer=signer[0], signer_key=signer[1],
                       at=int(at) // DAY * DAY, before=p["before"], after=p["after"], digest=p["digest"], serial=p["serial"],
                       extensions=extensions)  # fmt: skip
    files = []
    for part in p["send"] or ["leaf", "inter"]:
        files.append(leaf if part == "leaf" else signer[0] if part == "issuer" else named(part)[0])
    whole = hashlib.sha256("".join(files + [own]).encode()).hexdigest()[:24]
    return Chain(joined(whole + ".chain", [own, *files]), files, own)

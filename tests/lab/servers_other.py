# SPDX-License-Identifier: Apache-2.0
"""Servers beside Postfix and Dovecot: Exim, OpenSMTPD, Courier, and small ones of TLS libraries for what those refuse to do.

s_server, gnutls-serv and selfserv speak no mail: what a mail server would say is typed in by `script`, or they are
talked to by a client that wants no more than the handshake.
"""
import json
import shutil
import subprocess
from pathlib import Path

from canaries import VALUES, fill
from clients import java_words
from packages import folder_of
from servers import dovecot, postfix

HERE = Path(__file__).parent
DIALOGUES = {25: "smtp", 465: "smtp", 587: "smtp", 110: "pop3", 995: "pop3", 143: "imap", 993: "imap", 4190: "sieve"}


def exim(place):
    (place.folder / "spool").mkdir()
    (place.folder / "log").mkdir()
    for name in "spool", "log":
        (place.folder / name).chmod(0o777)
    ports = place.ports + place.implicit
    own = any("tls_advertise_hosts" in line for line in place.settings)
    config = place.template("exim.conf.in", place.folder / "exim.conf", PORTS=" : ".join(f"{place.ip}.{port}" for port in ports),
                            IMPLICIT=" : ".join(map(str, place.implicit)), USER=VALUES["user"], PASSWORD=VALUES["password"],
                            SETTINGS="\n".join(place.settings),
                            ADVERTISE="" if own else "tls_advertise_hosts = *")
    text = config.read_text()
    config.write_text(text[:text.index("# end of file") + 14])
    config.chmod(0o644)
    process = place.start(["/usr/sbin/exim4", "-C", config, "-bdf"], packages=folder_of("exim4"), state=f"{place.host}-exim")
    place.wait(process, ports)


def opensmtpd(place):
    """`settings` replace the listeners; {tls} stands for the key pair."""
    lines = [f'pki {place.name} cert "{place.pki.path(place.certificate)}"', f'pki {place.name} key "{place.folder}/key"']
    shutil.copy(place.pki.path(place.certificate, "key"), place.folder / "key")
    (place.folder / "key").chmod(0o600)
    if place.settings:
        lines += [place.fill(line).replace("{ip}", place.ip) for line in place.settings]
    else:
        lines += [f"listen on {place.ip} port {port} tls pki {place.name} hostname {place.name}" for port in place.ports]
        lines += [f"listen on {place.ip} port {port} smtps pki {place.name} hostname {place.name}" for port in place.implicit]
    lines += ['table users { "@" = "mail" }', 'action "drop" mda "cat >/dev/null" virtual <users>',
              'match from any for any action "drop"']
    config = place.folder / "smtpd.conf"
    config.write_text("\n".join(lines) + "\n")
    config.chmod(0o644)
    spool = "mkdir -p /var/spool/smtpd /var/empty /run; chmod 711 /var/spool/smtpd; mkdir -p /var/lib/opensmtpd/empty; "
    process = place.start(["sh", "-c", f"{spool} exec /usr/sbin/smtpd -d -f {config}"], packages=folder_of("opensmtpd"),
                          state=f"{place.host}-opensmtpd", name="opensmtpd")
    place.wait(process, place.ports + place.implicit)


def courier(place):
    """Courier's IMAP and POP3, as its start scripts run them; TLS by GnuTLS."""
    pair = place.folder / "pair.pem"
    pair.write_text(place.pki.path(place.certificate, "key").read_text() + place.pki.path(place.certificate).read_text())
    script = place.template("courier.sh.in", place.folder / "courier.sh", PAIR=pair)
    words = [f"{port}:{'imapd' if port in (143, 993) else 'pop3d'}:{'yes' if port in place.implicit else 'no'}"
             for port in place.ports + place.implicit]
    process = place.start(["bash", script, place.ip, *words], packages=folder_of("courier"), state=f"{place.host}-courier",
                          name="courier")
    place.wait(process, place.ports + place.implicit)


def s_server(place):
    """OpenSSL's test server; `script` lines are sent as it would echo its standard input, a second apart."""
    for port in place.implicit:
        lines = place.table.get("script", ["220 " + place.name + " ESMTP", "wait 1", "221 2.0.0 Bye"])
        rest = place.pki.path(place.certificate, "rest")
        typing = "; ".join(f"sleep {line[5:]}" if line.startswith("wait ") else f"printf '%s\\r\\n' '{line}'" for line in lines)
        words = ["openssl", "s_server", "-quiet", "-accept", f"{place.ip}:{port}",
                 "-key", place.pki.path(place.certificate, "key"), "-cert", place.pki.path(place.certificate, "pem"),
                 *(["-cert_chain", rest] if rest.stat().st_size else []),
                 *[place.fill(word) for word in place.table.get("arguments", [])]]
        process = place.spaces.start("server", place.name, words, name="s_server", stdin=subprocess.PIPE)
        place.wait(process, [port])
        place.spaces.typists.append((process, typing))


def gnutls_serv(place):
    """GnuTLS's test server, which echoes."""
    for port in place.implicit:
        process = place.start(["gnutls-serv", "--echo", "--port", port, "--x509certfile", place.pki.path(place.certificate),
                               "--x509keyfile", place.pki.path(place.certificate, "key"), "--quiet",
                               *[place.fill(word) for word in place.table.get("arguments", [])]], name="gnutls-serv")
        place.wait(process, [port])


def selfserv(place):
    """NSS's test server."""
    database = place.folder / "nss"
    database.mkdir()
    for step in (["certutil", "-N", "-d", f"sql:{database}", "--empty-password"],
                 ["pk12util", "-i", str(place.pki.path(place.certificate, "p12")), "-d", f"sql:{database}", "-W", "lab"]):
        subprocess.run(step, check=True, capture_output=True)
    for port in place.implicit:
        process = place.start(["selfserv", "-d", f"sql:{database}", "-n", place.certificate, "-p", port,
                               *[place.fill(word) for word in place.table.get("arguments", [])]], name="selfserv")
        place.wait(process, [port])


def java(place):
    """JSSE with everything old switched on again: java/MailTls.java."""
    for port in place.ports + place.implicit:
        mode = "implicit" if port in place.implicit else "starttls"
        process = place.start(java_words("server", place.ip, port, DIALOGUES[port], mode, place.pki.path(place.certificate, "p12"),
                                         *place.table.get("arguments", [])), name="java")
        place.wait(process, [port])


def script(place):
    """talk.py: `script` (steps) or `scripts` (one list a connection) on each port."""
    steps = place.table.get("scripts") or place.table["script"]
    for port in place.ports:
        process = place.start(["python3", HERE / "talk.py", "server", place.ip, port,
                               fill(json.dumps(steps), {}), place.pki.path(place.certificate),
                               place.pki.path(place.certificate, "key"), place.pki.path("ca", "pem")], name="talk")
        place.wait(process, [port])


KINDS = {"postfix": postfix, "dovecot": dovecot, "exim": exim, "opensmtpd": opensmtpd, "courier": courier, "s_server": s_server,
         "gnutls-serv": gnutls_serv, "selfserv": selfserv, "java": java, "script": script}
# The packages whose versions a README row names.
PACKAGES = {"postfix": "postfix", "dovecot": "dovecot-core", "exim": "exim4-daemon-heavy", "opensmtpd": "opensmtpd",
            "courier": "courier-imap", "s_server": "openssl", "gnutls-serv": "gnutls-bin", "selfserv": "libnss3-tools",
            "java": "openjdk-17-jre-headless", "script": "python3"}

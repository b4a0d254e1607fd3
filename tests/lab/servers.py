# SPDX-License-Identifier: Apache-2.0
"""Servers of a scenario: Postfix and Dovecot here, all others in servers_other.py.

Each has a folder of its own below the scenario's; nothing outside it is written. `settings` of the scenario are
lines of the server's own configuration and come last, so that they win.
"""
import shutil
from pathlib import Path

from canaries import VALUES
from spaces import SERVERS, SERVERS6

TEMPLATES = Path(__file__).parent / "templates"
DOVECOT_PORTS = {143: "imap", 993: "imap", 110: "pop3", 995: "pop3", 24: "lmtp", 4190: "sieve"}
AUTH_PORT = 12345


class Place:
    """What a server needs to know: where it runs, its address, certificate, folder, and what the scenario says of it."""

    def __init__(self, spaces, pki, table, number):
        self.spaces, self.pki, self.table = spaces, pki, table
        self.host = table.get("host", "mx")
        self.ip, self.ip6 = SERVERS[self.host], SERVERS6.get(self.host)
        self.ports, self.implicit = table.get("ports", []), table.get("implicit", [])
        self.settings = table.get("settings", [])
        self.certificate = table.get("certificate", "mail" if self.host.startswith("mail") else "mx")
        self.folder = spaces.work / f"server{number}"
        self.folder.mkdir()
        self.folder.chmod(0o755)

    @property
    def name(self):
        return f"{self.host}.example.org"

    def addresses(self):
        return [self.ip] + ([self.ip6] if self.ip6 else [])

    def template(self, name, target, **words):
        places = {"WORK": self.folder, "NAME": self.name, "IP": self.ip, "CHAIN": self.pki.path(self.certificate),
                  "KEY": self.pki.path(self.certificate, "key"), "CA": self.pki.path("ca", "pem"), "PKI": self.pki.folder,
                  **words}
        text = (TEMPLATES / name).read_text()
        for word, value in places.items():
            text = text.replace(f"@{word}@", str(value))
        text += "".join(self.fill(line) + "\n" for line in self.settings)
        target.write_text(text)
        return target

    @staticmethod
    def merge(text, lines):
        """Settings without what later ones override: Postfix warns of each, and its log can block on its own warnings."""
        names = {line.split("=")[0].strip() for line in lines}
        kept = [line for line in text.splitlines() if line.split("=")[0].strip() not in names]
        return "\n".join(kept + list(lines)) + "\n"

    def fill(self, text):
        return text.replace("{pki}", str(self.pki.folder)).replace("{work}", str(self.folder))

    def start(self, arguments, **options):
        return self.spaces.start("server", self.name, arguments, **options)

    def wait(self, process, ports):
        for port in ports:
            self.spaces.wait_for("server", self.ip, port, process)


def postfix(place):
    """All of `ports` and `implicit` on the host's addresses; `sasl` starts a Dovecot that checks passwords."""
    folder = place.folder
    for name in "etc", "queue", "data":
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    settings, place.settings = [place.fill(line) for line in place.settings], []
    main = place.template("postfix.cf.in", folder / "etc" / "main.cf")
    main.write_text(place.merge(main.read_text(), settings))
    sasl = ["-o smtpd_sasl_auth_enable=yes"] if place.table.get("sasl") else []
    services = []
    for port in place.ports + place.implicit:
        options = sasl + (["-o smtpd_tls_wrappermode=yes"] if port in place.implicit else [])
        for ip in place.addresses():
            door = f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
            services.append(f"{door} inet n - n - - smtpd" + "".join(f"\n  {option}" for option in options))
    text = "\n".join(services) + "\n" + (TEMPLATES / "master.cf.in").read_text()
    (folder / "etc" / "master.cf").write_text(text)
    if place.table.get("sasl"):
        auth_only(place)
    process = place.start(["postfix", "-c", folder / "etc", "start-fg"])
    place.wait(process, place.ports + place.implicit)


def dovecot_config(place, protocols, listeners):
    folder = place.folder
    (folder / "mail").mkdir(exist_ok=True)
    shutil.chown(folder / "mail", "mail", "mail")
    users = folder / "users"
    users.write_text(f"{VALUES['user']}:{VALUES['password']}\n")
    users.chmod(0o644)
    return place.template("dovecot.conf.in", folder / "dovecot.conf", PROTOCOLS=protocols, USERS=users, LISTENERS=listeners,
                          LISTEN=", ".join(place.addresses()))


def auth_only(place):
    """The password check of a Postfix, as most Debian mail servers have it."""
    listener = f"service auth {{\n  inet_listener {{\n    address = 127.0.0.1\n    port = {AUTH_PORT}\n  }}\n}}\n"
    config = dovecot_config(place, "", listener)
    config.write_text(config.read_text().replace("plain login", "plain login cram-md5 digest-md5 scram-sha-256 xoauth2 oauthbearer"))
    process = place.start(["dovecot", "-F", "-c", config])
    place.spaces.wait_for("server", "127.0.0.1", AUTH_PORT, process)


def dovecot(place):
    """The protocols of `ports` and `implicit`; other port numbers are IMAP in clear."""
    listeners, wanted = [], set()
    for port in place.ports + place.implicit:
        wanted.add((DOVECOT_PORTS.get(port, "imap"), port, port in place.implicit))
    for protocol in sorted({row[0] for row in wanted}):
        service = {"lmtp": "lmtp", "sieve": "managesieve-login"}.get(protocol, f"{protocol}-login")
        listeners.append(f"service {service} {{")
        if protocol != "lmtp":  # a process that knows the password check already: what is said first is not left to chance
            listeners.append("  service_count = 0\n  process_min_avail = 1")
        usual = {"imap": ("imap", "imaps"), "pop3": ("pop3", "pop3s"), "sieve": ("sieve",), "lmtp": ()}[protocol]
        listeners += [f"  inet_listener {name} {{\n    port = 0\n  }}" for name in usual]
        for kind, port, ssl in wanted:
            if kind == protocol:
                listeners.append(f"  inet_listener lab{port} {{\n    port = {port}\n    ssl = {'yes' if ssl else 'no'}\n  }}")
        listeners.append("}")
    config = dovecot_config(place, " ".join(sorted({row[0] for row in wanted})), "\n".join(listeners) + "\n")
    process = place.start(["dovecot", "-F", "-c", config])
    place.wait(process, place.ports + place.implicit)

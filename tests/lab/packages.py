# SPDX-License-Identifier: Apache-2.0
"""Debian packages: those installed the usual way, and those that conflict with them.

Exim, OpenSMTPD and Courier cannot be installed beside Postfix and Dovecot. They and what they need are downloaded and
unpacked below `.software`, and laid over /usr, /etc and /var of the processes that use them, nowhere else.
Run by tests/lab/install, it gets both kinds.
"""
import os
import subprocess
import sys
from pathlib import Path

from spaces import LabError, command

SOFTWARE = Path(os.environ.get("STARTTAP_LAB_SOFTWARE", Path(__file__).parent / ".software"))
INSTALLED = ("postfix", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd", "dovecot-managesieved", "swaks", "libnet-ssleay-perl",
             "libauthen-sasl-perl", "libdigest-hmac-perl", "gnutls-bin", "libnss3-tools", "curl", "openssl", "msmtp", "mutt",
             "fetchmail", "libsasl2-modules", "tshark", "wireshark-common", "iproute2", "iptables", "nftables", "ethtool",
             "procps", "sslsplit", "python3", "util-linux")
UNPACKED = {"exim4": ["exim4-daemon-heavy"], "opensmtpd": ["opensmtpd"], "courier": ["courier-imap", "courier-pop"]}
# Users that the packages' scripts would make: name, number, home.
USERS = {"exim4": [("Debian-exim", 990)], "opensmtpd": [("opensmtpd", 991), ("opensmtpq", 992)],
         "courier": [("courier", 993)]}


def folder_of(name):
    folder = SOFTWARE / name
    if not (folder / "versions").exists():
        raise LabError(f"{name} is not unpacked: tests/lab/install")
    return folder


def missing():
    """Packages that are not there: to install, and to unpack."""
    found = command("dpkg-query", "-W", "-f", "${Package} ${Status}\n", *INSTALLED, check=False)
    there = {line.split()[0] for line in found.splitlines() if line.endswith("ok installed")}
    unpacked = [name for name in UNPACKED if not (SOFTWARE / name / "versions").exists()]
    return [name for name in INSTALLED if name not in there], unpacked


def install():
    quiet = {"DEBIAN_FRONTEND": "noninteractive", **os.environ}
    install_names, unpack_names = missing()
    if not install_names and not unpack_names:
        return
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet)
    if install_names:
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *install_names], check=True, env=quiet,
                       stdout=subprocess.DEVNULL)
    for name in unpack_names:
        unpack(name)


def unpack(name):
    """The packages and those of their dependencies that are not installed."""
    plan = command("apt-get", "-s", "install", "--no-install-recommends", *UNPACKED[name])
    wanted = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    folder, debs = SOFTWARE / name, SOFTWARE / name / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    command("apt-get", "download", "-qq", *wanted, cwd=debs)
    lines = []
    for deb in sorted(debs.glob("*.deb")):
        command("dpkg", "-x", deb, folder)
        package, version = command("dpkg-deb", "-W", "--showformat=${Package} ${Version}", deb).split()
        lines.append(f"{package} {version}")
        deb.unlink()
    debs.rmdir()
    for part in "usr", "etc", "var":
        (folder / part).mkdir(exist_ok=True)
    for file, made in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/usr/sbin/nologin"), ("group", "{0}:x:{1}:")):
        text = Path("/etc", file).read_text()
        (folder / "etc" / file).write_text(text + "".join(made.format(*user) + "\n" for user in USERS[name]))
    (folder / "versions").write_text("\n".join(lines) + "\n")


def version(package):
    """Package and version, installed or unpacked."""
    for file in SOFTWARE.glob("*/versions"):
        for line in file.read_text().splitlines():
            if line.split()[0] == package:
                return line
    return command("dpkg-query", "-W", "-f", "${Package} ${Version}", package, check=False).strip() or package


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("tests/lab/install needs root")
    install()
    print("the lab's packages are there", flush=True)

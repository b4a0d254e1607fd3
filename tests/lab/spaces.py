# SPDX-License-Identifier: Apache-2.0
"""Three network namespaces in a row, and processes inside them.

    client 198.51.100.10-19 --- mc  middle  ms --- 192.0.2.25...  server
           2001:db8:1::10                          2001:db8::25

The middle is a router; taps listen on both of its sides. A process gets a mount, host name and process namespace of its
own: daemons fork and change their group, and all end with the first process of theirs. Nothing is routed elsewhere.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

CLIENTS = {"client": "198.51.100.10", "laptop": "198.51.100.11", "phone": "198.51.100.12", "other": "198.51.100.13"}
SERVERS = {
    "mx": "192.0.2.25", "mx2": "192.0.2.26", "mx3": "192.0.2.27", "legacy": "192.0.2.28", "relay": "192.0.2.29",
    "dns": "192.0.2.53", "mail": "192.0.2.143", "mail2": "192.0.2.144",
}
CLIENT6, ROUTER6_OUT = "2001:db8:1::10", "2001:db8:1::1"
SERVERS6 = {"mx": "2001:db8::25", "mail": "2001:db8::143"}
ROUTER6_IN = "2001:db8::1"
ROUTER_OUT, ROUTER_IN = "198.51.100.1", "192.0.2.1"
TUNNEL_CLIENT, TUNNEL_SERVER = "198.51.100.200", "192.0.2.200"
PREFIX = "stlab"
PR_SET_PDEATHSIG = 1

# The shell that prepares a namespace: $1 host name, $2 the lab's own /etc files, $3 a folder with extracted packages or
# nothing, $4 a folder for what is written to /etc and /var then.
PREPARE = """
ulimit -n 1024
hostname "$1"
if [ -n "$3" ]; then
  for d in usr etc var; do
    mkdir -p "$3/$d" "$4/$d" "$4/$d.work"
    mount -t overlay overlay -o "lowerdir=$3/$d:/$d,upperdir=$4/$d,workdir=$4/$d.work" "/$d" || exit 125
  done
  mount -t tmpfs tmpfs /run
fi
for f in hosts resolv.conf passwd group; do [ ! -e "$2/$f" ] || mount --bind "$2/$f" "/etc/$f" || exit 125; done
cd /
shift 4
exec "$@"
"""


class LabError(Exception):
    """Something of the lab itself does not work: a program is missing, a server does not start."""


class LeftOut(LabError):
    """A scenario cannot be recorded on this machine, and says why."""


def command(*words, check=True, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    if check and done.returncode:
        raise LabError(f"{' '.join(map(str, words))}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def remove_leftovers():
    """Namespaces and folders of a run that was killed too hard to clean up: their names hold its process number."""
    for line in command("ip", "netns", "list").splitlines():
        name = line.split()[0]
        parts = name.split("-")
        if parts[0] == PREFIX and len(parts) == 4 and not Path(f"/proc/{parts[1]}").exists():
            command("ip", "netns", "del", name, check=False)
    for folder in Path("/tmp").glob(f"{PREFIX}-*-*-*"):
        if folder.name.split("-")[1].isdigit() and not Path("/proc", folder.name.split("-")[1]).exists():
            shutil.rmtree(folder, ignore_errors=True)


class Spaces:
    """The namespaces of one scenario, and everything that runs in them. A context manager: nothing is left behind."""

    active = set()

    def __init__(self, number, work, tunnel=None, dns=False):
        self.work, self.tunnel = Path(work), tunnel
        self.names = {side: f"{PREFIX}-{os.getpid()}-{number}-{side}" for side in ("client", "middle", "server")}
        self.processes = []
        self.etc = self.work / "etc"
        self.etc.mkdir(parents=True)
        self.write_etc(dns)

    def write_etc(self, dns):
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        for names in (CLIENTS, SERVERS, SERVERS6):
            lines += [f"{ip} {name}.example.org" for name, ip in names.items()]
        lines.append(f"{CLIENT6} client.example.org")
        (self.etc / "hosts").write_text("\n".join(lines) + "\n")
        resolver = f"nameserver {SERVERS['dns']}\noptions trust-ad timeout:2 attempts:1\n"
        (self.etc / "resolv.conf").write_text(resolver if dns else "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")

    @classmethod
    def end_clients(cls):
        """Ends what is running, for an interrupted lab: whoever waits for it goes on, and cleans up."""
        for spaces in list(cls.active):
            for process in list(spaces.processes):
                if process.poll() is None:
                    kill(process, signal.SIGKILL)

    def __enter__(self):
        self.active.add(self)
        try:
            self.make()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            stop(process, signal.SIGKILL)
        for name in self.names.values():
            command("ip", "netns", "del", name, check=False)
        self.active.discard(self)

    def ip(self, side, *words):
        return command("ip", "-n", self.names[side], *words)

    def make(self):
        for name in self.names.values():
            command("ip", "netns", "add", name)
        for side in self.names:
            self.ip(side, "link", "set", "lo", "up")
            self.sysctl(side, "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0",
                        "net.ipv6.conf.default.router_solicitations=0", "net.ipv4.conf.all.rp_filter=0",
                        "net.ipv4.conf.default.rp_filter=0", "net.unix.max_dgram_qlen=512")
        self.link("client", "c0", "02:00:00:00:00:10", "middle", "mc", "02:00:00:00:00:01")
        self.link("middle", "ms", "02:00:00:00:01:01", "server", "s0", "02:00:00:00:01:25")
        for ip in CLIENTS.values():
            self.ip("client", "addr", "add", ip + "/24", "dev", "c0")
        for ip in SERVERS.values():
            self.ip("server", "addr", "add", ip + "/24", "dev", "s0")
        for ip in SERVERS6.values():
            self.ip("server", "addr", "add", ip + "/64", "dev", "s0", "nodad")
        self.ip("client", "addr", "add", CLIENT6 + "/64", "dev", "c0", "nodad")
        for ip, interface in ((ROUTER_OUT + "/24", "mc"), (ROUTER_IN + "/24", "ms"),
                              (ROUTER6_OUT + "/64", "mc"), (ROUTER6_IN + "/64", "ms")):
            self.ip("middle", "addr", "add", ip, "dev", interface, *(["nodad"] if ":" in ip else []))
        self.sysctl("middle", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                    "net.ipv4.conf.all.send_redirects=0")
        self.ip("client", "route", "add", "default", "via", ROUTER_OUT, "src", CLIENTS["client"])
        self.ip("client", "-6", "route", "add", "default", "via", ROUTER6_OUT)
        self.ip("server", "route", "add", "default", "via", ROUTER_IN)
        self.ip("server", "-6", "route", "add", "default", "via", ROUTER6_IN)
        self.meet_neighbours()
        if self.tunnel:
            self.make_tunnel()

    def meet_neighbours(self):
        """Fixed neighbours: no packet waits for ARP, and no capture depends on it."""
        for side, interface, ip, mac in (
                ("client", "c0", ROUTER_OUT, "02:00:00:00:00:01"), ("client", "c0", ROUTER6_OUT, "02:00:00:00:00:01"),
                ("server", "s0", ROUTER_IN, "02:00:00:00:01:01"), ("server", "s0", ROUTER6_IN, "02:00:00:00:01:01"),
                *(("middle", "mc", ip, "02:00:00:00:00:10") for ip in (*CLIENTS.values(), CLIENT6)),
                *(("middle", "ms", ip, "02:00:00:00:01:25") for ip in (*SERVERS.values(), *SERVERS6.values()))):
            self.ip(side, "neigh", "replace", ip, "lladdr", mac, "dev", interface, "nud", "permanent")

    def sysctl(self, side, *settings):
        command("ip", "netns", "exec", self.names[side], "sysctl", "-qw", *settings)

    def link(self, side, name, mac, other_side, other_name, other_mac):
        """A cable. Without offloads frames look and sum up as on a real one."""
        command("ip", "link", "add", name, "netns", self.names[side], "address", mac, "type", "veth",
                "peer", "name", other_name, "netns", self.names[other_side], "address", other_mac)
        for end, interface in ((side, name), (other_side, other_name)):
            command("ip", "netns", "exec", self.names[end], "ethtool", "-K", interface,
                    "tx", "off", "tso", "off", "gso", "off", "gro", "off")
            self.ip(end, "link", "set", interface, "up")

    def make_tunnel(self):
        """Client and server talk through a tunnel, so that a tap in the middle sees its packets only."""
        ends = (("client", "c0", TUNNEL_CLIENT, TUNNEL_SERVER, ROUTER_OUT, "192.0.2.0/24", "198.51.100.254"),
                ("server", "s0", TUNNEL_SERVER, TUNNEL_CLIENT, ROUTER_IN, "198.51.100.0/24", "192.0.2.254"))
        for side, interface, own, other, router, _, _ in ends:
            self.ip(side, "addr", "add", own + "/32", "dev", interface)
            self.ip(side, "route", "add", other, "via", router, "src", own)
        for ip, interface, mac in ((TUNNEL_CLIENT, "mc", "02:00:00:00:00:10"), (TUNNEL_SERVER, "ms", "02:00:00:00:01:25")):
            self.ip("middle", "neigh", "replace", ip, "lladdr", mac, "dev", interface, "nud", "permanent")
        for side, interface, own, other, _, behind, _ in ends:
            if self.tunnel == "vxlan":
                self.ip(side, "link", "add", "t0", "type", "vxlan", "id", "42", "local", own, "remote", other,
                        "dstport", "4789", "dev", interface)
                self.ip(side, "link", "set", "t0", "address", f"02:00:00:00:02:{1 if side == 'client' else 2:02x}")
                command("ip", "netns", "exec", self.names[side], "ethtool", "-K", "t0", "tx", "off", "tso", "off", "gso", "off",
                        "gro", "off")
                self.ip(side, "link", "set", "t0", "mtu", "1450", "up")
            else:
                if not Path("/dev/net/tun").exists():
                    raise LeftOut("no /dev/net/tun")
                gre = Path(__file__).parent / "gre.py"
                process = self.start(side, "tunnel.example.org", ["python3", gre, own, other], name=f"gre-{side}")
                wait_until(lambda s=side: "t0" in self.ip(s, "-br", "link"), f"{process.log}: no tunnel")
                self.ip(side, "link", "set", "t0", "mtu", "1476", "up")
            self.ip(side, "route", "replace", behind, "dev", "t0", *(["src", CLIENTS["client"]] if side == "client" else []))
        if self.tunnel == "vxlan":
            for side, ips, mac in (("client", SERVERS.values(), "02:00:00:00:02:02"),
                                   ("server", CLIENTS.values(), "02:00:00:00:02:01")):
                for ip in ips:
                    self.ip(side, "neigh", "replace", ip, "lladdr", mac, "dev", "t0", "nud", "permanent")

    def words(self, side, host, arguments, packages=None, state="state"):
        upper = self.work / "overlay" / state if packages else ""
        if packages:
            upper.mkdir(parents=True, exist_ok=True)
        return ["ip", "netns", "exec", self.names[side], "unshare", "--uts", "--mount", "--pid", "--fork", "--kill-child",
                "--mount-proc", "sh", "-c", PREPARE, "prepare", host, str(self.etc), str(packages or ""), str(upper),
                *map(str, arguments)]

    def start(self, side, host, arguments, name=None, stdin=subprocess.DEVNULL, env=None, **overlay):
        """A process that runs until the end; its output goes to a log of its own."""
        path = self.work / "logs" / f"{name or Path(str(arguments[0])).name}-{len(self.processes)}.log"
        path.parent.mkdir(exist_ok=True)
        with open(path, "wb") as log:
            process = subprocess.Popen(self.words(side, host, arguments, **overlay), stdin=stdin, stdout=log,
                                       stderr=subprocess.STDOUT, preexec_fn=die_with_parent, start_new_session=True,
                                       env={**os.environ, **(env or {})})
        process.log = path
        self.processes.append(process)
        return process

    def run(self, side, host, arguments, timeout, text_in=b"", env=None, **overlay):
        """A process that ends by itself, or is ended: (status or None, output)."""
        process = subprocess.Popen(self.words(side, host, arguments, **overlay), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=die_with_parent,
                                   start_new_session=True, env={**os.environ, **(env or {})})
        self.processes.append(process)
        try:
            output, _ = process.communicate(text_in, timeout)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            stop(process, signal.SIGKILL)
            output, _ = process.communicate()
            return None, output
        finally:
            self.processes.remove(process)

    def listens(self, side, ip, port):
        found = command("ip", "netns", "exec", self.names[side], "ss", "-Hltn")
        doors = (f"{ip}:{port} ", f"[{ip}]:{port} ", f"0.0.0.0:{port} ", f"*:{port} ", f"[::]:{port} ", f"[::ffff:{ip}]:{port} ")
        return any(door in found for door in doors)

    def wait_for(self, side, ip, port, process):
        def ready():
            if process.poll() is not None:
                raise LabError(f"ended with status {process.returncode}: {tail(process.log)}")
            return self.listens(side, ip, port)
        wait_until(ready, f"nothing listens on {ip} port {port}: {tail(process.log)}")


def stop(process, number=signal.SIGTERM, patience=5):
    """Ends a process that the lab started. It is an unshare, an ip or a dumpcap; the child of an unshare is the first process
    of its namespace, and all others go with it."""
    if process.poll() is None:
        kill(process, number)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def kill(process, number):
    for pid in (*children(process.pid), process.pid):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def children(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def wait_until(ready, complaint, seconds=20):
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise LabError(complaint)
        time.sleep(0.03)


def tail(path, lines=8):
    return " | ".join(Path(path).read_text(errors="replace").splitlines()[-lines:])

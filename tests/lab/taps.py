# SPDX-License-Identifier: Apache-2.0
"""Where the recording is made: dumpcap on the middle's interfaces, or on a port to which they are mirrored.

    client, server    the router's interface on that side; one pcap file
    both              both interfaces in one pcapng file: two vantage points
    mirror            a span port that copies what comes in on both sides: each packet once
    mirror-twice      a span port that copies both directions of both ports: each packet twice, as it came in and as it left
    client-half       what the client sent and nothing else; server-half likewise
    lossy             as client, and the tap itself then loses what the scenario says under `lose`
"""
import signal
import subprocess
import sys
from pathlib import Path

from spaces import command, die_with_parent, stop, wait_until

sys.path.append(str(Path(__file__).resolve().parent.parent / "tools"))
import pcapio  # noqa: E402

INTERFACES = {"client": ["mc"], "server": ["ms"], "both": ["mc", "ms"], "mirror": ["span1"], "mirror-twice": ["span1"],
              "client-half": ["mc"], "server-half": ["mc"], "lossy": ["mc"]}
FILTERS = {"client-half": "src net 198.51.100.0/24 or src net 2001:db8:1::/64",
           "server-half": "src net 192.0.2.0/24 or src net 2001:db8:0::/64"}
UNWATCHED = ("lossy",)  # what it loses is taken out of the file
EVERYTHING = "tcp or udp or ip proto 47"


class Taps:
    """Recordings of one scenario, started before the clients and ended after them."""

    def __init__(self, spaces, scenario, folder, watch=None):
        self.spaces, self.scenario, self.folder, self.running = spaces, scenario, Path(folder), []
        self.watch, self.watching = watch, []

    def __enter__(self):
        for tap in self.scenario.taps:
            if tap.startswith("mirror"):
                self.make_span(twice=tap == "mirror-twice")
        for tap in self.scenario.taps:
            self.running.append((tap, self.start(tap)))
        for tap in self.scenario.taps:
            if self.watch and tap not in UNWATCHED:
                self.watching.append(self.watch.start(self.spaces, tap, INTERFACES[tap], FILTERS.get(tap), self.folder,
                                                      self.scenario.starttap))
        return self

    def make_span(self, twice):
        space = self.spaces.names["middle"]
        self.spaces.ip("middle", "link", "add", "span0", "type", "veth", "peer", "name", "span1")
        for name in "span0", "span1":
            command("ip", "netns", "exec", space, "sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
            self.spaces.ip("middle", "link", "set", name, "up")
        chains = "".join(f"chain {hook}_{name} {{ type filter hook {hook} device {name} priority 0; dup to span0; }}\n"
                         for hook in (("ingress", "egress") if twice else ("ingress",)) for name in ("mc", "ms"))
        command("ip", "netns", "exec", space, "nft", "-f", "-", input=f"table netdev span {{\n{chains}}}\n")

    def path(self, tap):
        return self.folder / (f"{tap}.pcapng" if tap == "both" else f"{tap}.pcap")

    def start(self, tap):
        path, log = self.path(tap), self.spaces.work / f"dumpcap-{tap}.log"
        interfaces = [word for name in INTERFACES[tap] for word in ("-i", name, "-f", FILTERS.get(tap, EVERYTHING))]
        words = ["ip", "netns", "exec", self.spaces.names["middle"], "dumpcap", "-q", *interfaces,
                 *([] if tap == "both" else ["-P"]), "-w", str(path)]
        with open(log, "wb") as output:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                       preexec_fn=die_with_parent, start_new_session=True)
        process.log = log
        self.spaces.processes.append(process)
        wait_until(lambda: process.poll() is not None or "File:" in log.read_text(), f"dumpcap: {log.read_text()}")
        if process.poll() is not None:
            raise RuntimeError(f"dumpcap: {log.read_text()}")
        return process

    def __exit__(self, *_):
        for process in self.watching:
            self.watch.end(process)
        for tap, process in self.running:
            stop(process, signal.SIGINT)
            path = self.path(tap)
            if path.exists():
                if tap == "both":  # dumpcap empties one interface's buffer after the other's
                    command("reordercap", path, f"{path}.sorted")
                    Path(f"{path}.sorted").replace(path)
                path.chmod(0o644)
                if tap == "lossy":
                    lose(path, self.scenario.lose)


def lose(path, what):
    """Takes frames out as a tap that was too slow does: {server = [2, 3]} are the server's 2nd and 3rd with data, {after = 9}
    is all that comes after the first nine."""
    link, frames = pcapio.read(path)
    count, kept = {"client": 0, "server": 0}, []
    for frame in frames[:what.get("after")]:
        side, size = side_and_size(frame.data)
        if side and size:
            count[side] += 1
            if count[side] in what.get(side, ()):
                continue
        kept.append(frame)
    pcapio.write(path, pcapio.pcap(link, kept))


def side_and_size(data):
    """Who sent an Ethernet frame with IPv4 and TCP in it, and how many bytes of payload."""
    if data[12:14] != b"\x08\x00" or data[23] != 6:
        return None, 0
    head = (data[14] & 15) * 4
    total = int.from_bytes(data[16:18], "big")
    tcp = 14 + head
    side = "client" if data[26:29] == bytes((198, 51, 100)) else "server"
    return side, total - head - (data[tcp + 12] >> 4) * 4

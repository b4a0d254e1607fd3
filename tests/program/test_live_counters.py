# SPDX-License-Identifier: Apache-2.0
"""-i: the counters add up, whatever the rate, and the filters of a line are those of files.

In a network namespace of its own, a pair of interfaces: frames are sent into one end, at rising rates, some twice and some late, and
watched at the other with the smallest ring. What passed the filter in the kernel was delivered, left out by the user's filter, or
dropped; nothing else. Then the program is stopped for a while (SIGSTOP), so that drops are certain; the interface goes down and comes
back; and filters are tried behind tags and in fragments.
"""
import glob
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

import dialogues
import harness
import test_filter
import wrap
from harness import get, packets
from line import Line, make_pair

LINE, TAP = "line0", "tap0"
SEED = 3
RATES = 2000, 10000, 0  # frames a second; 0: as fast as it goes
FRAMES = 6000
FLOOD = 6000  # frames of 1,400 bytes: more than the ring has
TALK = [*test_filter.TALK, *("S: 250 " + "X" * 1300 for _ in range(8))]
NOISE = [  # what the kernel leaves out
    b"\xff" * 6 + b"\2\0\0\0\0\1\x08\x06" + b"\0\1\x08\0\6\4\0\1" + bytes(20),
    b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + packets.udp4(b"\12\0\0\1", b"\12\0\0\2", 5353, 53, b"not what we look for"),
]


class Watch:
    """The program on the tap, and the socket that feeds it."""

    def __init__(self, options, folder, *words, workers=2, ring="16MiB", tap=("-i", TAP), env=None):
        folder = tempfile.mkdtemp(dir=folder)
        self.out, self.err = os.path.join(folder, "live.jsonl"), os.path.join(folder, "err.txt")
        self.program = harness.start_watching([options.program, *tap, "-o", "file:" + self.out, "--set", "capture.ring=" + ring,
                                               "--workers", str(workers), *words], self.err, env=env)  # fmt: skip
        self.line = Line(LINE, TAP)
        self.sent = self.noise = 0

    def send(self, frames, rate=0):
        begun = time.monotonic()
        for n, frame in enumerate(frames):
            self.line.send(frame)
            if rate and n % 50 == 0:
                time.sleep(max(0, begun + n / rate - time.monotonic()))
        self.sent += len(frames)

    def send_noise(self, count):
        for _ in range(count):
            for frame in NOISE:
                self.line.send(frame)

    def wait_for(self, words):
        """Until it has said them."""
        return harness.wait_until(lambda: words in harness.read(self.err) or self.program.poll() is not None)

    def end(self):
        """Its events, the last stats, and what it said."""
        self.line.settle()
        self.line.close()
        self.program.send_signal(signal.SIGTERM)
        self.program.wait(harness.PATIENCE)
        err = harness.read(self.err)
        with open(self.out, encoding="utf-8") as f:
            events = [json.loads(row) for row in f]
        stats = [get(e, "mailtls.stats") for e in events if get(e, "event.dataset") == "mailtls.stats"]
        return events, stats[-1] if stats else None, err


def crowd(rng):
    """Sessions, some frames of which come twice and some late."""
    out = [packets.ethernet(s) for n in range(FRAMES // 30) for s in dialogues.session(25, TALK[:7], n)]
    for _ in range(FRAMES // 20):
        at = rng.randrange(len(out) - 5)
        out.insert(at + 2, out[at])
    for _ in range(FRAMES // 20):
        at = rng.randrange(len(out) - 5)
        out.insert(at + 4, out.pop(at))
    return out


def add_up(checks, name, stats):
    capture, kinds = stats["capture"], stats["packets"]
    known = capture["packets"] + capture.get("filtered", 0) + capture["skipped"] + capture["kernel_drops"]
    checks.equal(f"{name}: what passed is known", capture["kernel_passed"], known)
    decoded = sum(kinds.get(kind, 0) for kind in ("tcp", "other", "fragments", "short", "malformed", "unknown_link", "other_ports"))
    checks.equal(f"{name}: what was delivered was taken apart", decoded, capture["packets"])


def check_rates(checks, options, folder):
    rng = random.Random(SEED)
    frames = crowd(rng)
    for rate in RATES:
        name = f"{rate} frames a second"
        watch = Watch(options, folder, ring="64MiB" if rate == RATES[0] else "1MiB")
        watch.send_noise(20)
        watch.send(frames, rate)
        _, stats, err = watch.end()
        checks.check(f"{name}: ends well", watch.program.returncode == 0 and stats is not None, err[-500:])
        add_up(checks, name, stats)
        passed = stats["capture"]["kernel_passed"]
        checks.check(f"{name}: no more than was sent, and no noise", 0 < passed <= watch.sent, (passed, watch.sent))
        if rate == RATES[0]:
            checks.equal(f"{name}: all of it", (passed, stats["capture"]["kernel_drops"]), (watch.sent, 0))
            checks.check("what came twice was noticed", stats["reassembly"]["duplicates"] > 0, stats["reassembly"])


def check_drops(checks, options, folder):
    """The program sleeps, so the ring fills."""
    watch = Watch(options, folder, ring="1MiB")
    watch.program.send_signal(signal.SIGSTOP)
    watch.send([packets.ethernet(s) for n in range(FLOOD // 16) for s in dialogues.session(25, TALK[-8:], n)], 20000)
    watch.program.send_signal(signal.SIGCONT)
    _, stats, err = watch.end()
    add_up(checks, "flood", stats)
    checks.check("flood: some were dropped, and not all", 0 < stats["capture"]["kernel_drops"] < stats["capture"]["kernel_passed"], stats["capture"])
    checks.check("flood: said", b"capture.ring" in err, err[-500:])


def set_link(*words):
    subprocess.run(["ip", "link", "set", TAP, *words], check=True)


def wait_for_carrier():
    """Until the sender's end notices, its frames go nowhere."""
    harness.wait_until(lambda: b"state UP" in subprocess.run(["ip", "-o", "link", "show", LINE], capture_output=True).stdout)


def make_line():
    make_pair(LINE, TAP, "mtu", "9000")
    set_link("mtu", "1500")
    wait_for_carrier()


def check_return(checks, options, folder):
    """Down and up again, then gone and made anew, with several readers: that is said once, and all that was sent is counted."""
    watch = Watch(options, folder, workers=3)
    watch.send([packets.ethernet(s) for s in dialogues.session(25, TALK, 1)])
    watch.line.settle()
    set_link("down")
    watch.wait_for(b"is down")
    set_link("up")
    wait_for_carrier()
    watch.wait_for(b"is up again")
    watch.send([packets.ethernet(s) for s in dialogues.session(25, TALK, 13)])
    watch.line.settle()
    subprocess.run(["ip", "link", "del", TAP], check=True)  # what is in the ring by then is read
    watch.wait_for(b"waiting for it")
    make_line()
    watch.line.close()
    watch.line = Line(LINE, TAP)
    watch.wait_for(b"is back")
    watch.send([packets.ethernet(s) for n in range(2, 12) for s in dialogues.session(25, TALK, n)])
    events, stats, err = watch.end()
    add_up(checks, "return", stats)
    checks.equal("return: what was sent before and after was seen", stats["capture"]["kernel_passed"], watch.sent)
    checks.equal("return: nothing was lost with the ring", stats["capture"]["kernel_drops"], 0)
    checks.equal("return: said once", [err.count(word) for word in (b"is down", b"is up again", b"waiting for it", b"is back")], [1, 1, 1, 1])
    seen = sum(1 for e in events if get(e, "event.dataset") == "mailtls.session" and get(e, "mailtls.capture.complete"))
    checks.equal("return: all sessions", seen, 12)


def check_sizes(checks, options, folder):
    """Tags are counted, and frames longer than the interface's MTU as it was when it was opened."""
    watch = Watch(options, folder)
    set_link("mtu", "9000")
    long = dialogues.session(25, ["S: 220 " + "X" * 3000], 1)
    watch.send([packets.ethernet(s) for s in long])
    pieces = [piece for s in dialogues.session(25, ["S: 220 " + "X" * 3000], 3) for piece in wrap.fragments(s, random.Random(SEED))]
    watch.send(pieces)  # the kernel joins them: no word about the network card
    watch.send([wrap.qinq(s, None)[0] for s in dialogues.session(25, TALK, 2)])
    full = next(packets.ethernet(s) for s in dialogues.session(25, ["S: 220 " + "X" * 1454], 4) if len(s.payload) > 1000)
    checks.equal("a full frame", len(full), 1514)
    watch.send([full[:12] + b"\x88\x47" + b"\0\x06\x40\x40" + b"\0\x06\x51\x40" + full[14:]])  # labels come on top
    _, stats, _ = watch.end()
    set_link("mtu", "1500")
    add_up(checks, "sizes", stats)
    checks.equal("frames above the MTU", stats["capture"]["over_mtu"], 1)
    checks.equal("frames with a tag", stats["capture"]["vlan"], len(dialogues.session(25, TALK)))


def check_any(checks, options, folder):
    """Tags are seen on `any` too, whose frames have another header. Both ends are watched, so all comes twice."""
    watch = Watch(options, folder, "-i", "any", tap=[])
    watch.send([wrap.qinq(s, None)[0] for s in dialogues.session(25, TALK, 2)])
    _, stats, err = watch.end()
    add_up(checks, "any", stats)
    checks.equal("any: frames with a tag", stats["capture"]["vlan"], 2 * watch.sent)


def check_filters(checks, options, folder):
    rng = random.Random(SEED)
    rows = [(test_filter.plain, ["-f", "port 25"], {25}), (wrap.vlan, ["-f", "port 25"], {25}), (wrap.qinq, ["-f", "not port 25"], {2525}),
            (wrap.fragments, ["-f", "port 25"], {25}), (test_filter.qinq_fragments, ["-f", "not port 25"], {2525}),
            (wrap.vlan, ["-f", "vlan 42 and port 25"], {25}), (wrap.qinq, ["-f", "vlan 43"], set()),
            (test_filter.plain, ["-f", "geneve"], set()),  # libpcap 1.10.3 makes a program of it that Linux refuses
            (wrap.vxlan, ["--set", "capture.discovery=ports", "--set", "capture.ports=[25]"], {25}),
            (test_filter.plain, ["--set", "capture.discovery=ports", "--set", "capture.ports=[25]"], {25})]  # fmt: skip
    for wrapper, words, ports in rows:
        name = f"{wrapper.__name__}, {' '.join(words)}"
        watch = Watch(options, folder, *words)
        for version in 4, 6:
            watch.send([frame for s in test_filter.segments(version) for frame in wrapper(s, rng)])
        events, stats, _ = watch.end()
        add_up(checks, name, stats)
        seen = sorted(get(e, "destination.port") for e in events if get(e, "event.dataset") == "mailtls.session" and get(e, "mailtls.capture.complete"))
        checks.equal(name, seen, sorted([*ports] * 2))
        if wrapper is test_filter.plain and ports:
            checks.equal(f"{name}: the kernel leaves the rest out", stats["capture"]["kernel_passed"], stats["packets"]["tcp"])
            checks.check(f"{name}: half of it", stats["packets"]["tcp"] == watch.sent // 2, stats["packets"])


def check_text(checks, options, folder):
    """A finding is written before the line of its session, or between those of others: it says whose it is."""
    watch = Watch(options, folder, "--format", "text", "--min-severity", "info")
    watch.send([packets.ethernet(s) for pair in zip(*(dialogues.session(25, TALK, n) for n in (1, 2))) for s in pair])
    time.sleep(0.3)
    watch.line.close()
    watch.program.send_signal(signal.SIGTERM)
    watch.program.communicate(timeout=60)
    with open(watch.out, encoding="utf-8") as f:
        heads = [row for row in f if row.startswith("    ") and "(" in row and row.split(":")[0].strip() in ("INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL")]
    checks.check("text: findings of both sessions", len(heads) >= 2, heads)
    checks.check("text: each says whose it is", all(re.search(r"\), [0-9.]+:[0-9]+ -> [0-9.]+:25(, as above)?$", row) for row in heads), heads)


def check_clock(checks, options, folder):
    """The machine's clock is set back by an hour: the run begins anew, and what comes then is told at once, with the counters of both."""
    library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        print("left out: a clock that is set back (faketime is not installed)")
        return
    with open(options.program, "rb") as f:
        if b"__tsan_init" in f.read():
            print("left out: a clock that is set back (faketime hides from the thread sanitizer that a wait gives its lock back)")
            return
    clock, config = os.path.join(folder, "clock"), os.path.join(folder, "clock.yaml")

    def write(path, text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)

    write(clock, "+3600\n")
    write(config, "findings:\n  interval: 0\n")
    env = dict(os.environ, LD_PRELOAD=library, FAKETIME_TIMESTAMP_FILE=clock, FAKETIME_NO_CACHE="1", DONT_FAKE_MONOTONIC="1",
               FAKETIME_DONT_FAKE_MONOTONIC="1", ASAN_OPTIONS="verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""))
    watch = Watch(options, folder, "-c", config, env=env)

    def written(dataset):
        with open(watch.out, encoding="utf-8") as f:
            whole = [json.loads(row) for row in f if row.endswith("\n")]
        return [e for e in whole if get(e, "event.dataset") == dataset]

    def ended():
        return [get(e, "source.port") for e in written("mailtls.session") if "end" in get(e, "event.type")]

    def wait(what, condition):
        checks.check(f"clock: {what}", harness.wait_until(condition), ended())

    first, open_one, later = (dialogues.session(25, TALK, n) for n in (1, 2, 3))
    watch.send([packets.ethernet(s) for s in first + open_one[:-6]])
    wait("a session before", lambda: len(ended()) == 1)
    write(config, "findings:\n  interval: 0\npolicy:\n  mute: [starttls.masked_capability]\n")
    watch.program.send_signal(signal.SIGHUP)
    wait("the configuration is read again", lambda: b"in force" in harness.read(watch.err))
    write(clock, "+0\n")
    wait("what was open is reported", lambda: len(ended()) == 2)
    watch.send([packets.ethernet(s) for s in later])
    wait("a session after it", lambda: len(ended()) == 3)
    for n in 1, 2:
        watch.program.send_signal(signal.SIGUSR1)
        wait("counters", lambda n=n: len(written("mailtls.stats")) == n)
    events, stats, err = watch.end()
    checks.check("clock: said", b"was set back by 3600 seconds" in err or b"was set back by 3599 seconds" in err, err[-500:])
    checks.equal("clock: ended well", watch.program.returncode, 0)
    add_up(checks, "clock", stats)
    checks.equal("clock: all was counted", (stats["capture"]["packets"], stats["sessions"]["records"]), (watch.sent, 3))
    masked = {get(e, "source.port") for e in events if get(e, "rule.id") == "starttls.masked_capability"}
    checks.check("clock: with the configuration in force", first[0].source_port in masked and later[0].source_port not in masked, masked)
    ids = [get(e, "event.id") for e in events]
    checks.equal("clock: each event has an id of its own", len(set(ids)), len(ids))


def inside(options):
    checks = harness.Checks()
    make_line()
    with tempfile.TemporaryDirectory() as folder:
        for check in check_rates, check_drops, check_return, check_sizes, check_any, check_filters, check_text, check_clock:
            check(checks, options, folder)
    return checks.finish()


def main():
    options = harness.arguments(__doc__, more=lambda parser: parser.add_argument("--inside", action="store_true", help="already in a network namespace of its own"))
    if options.inside:
        return inside(options)
    words = [sys.executable, os.path.abspath(__file__), "--program", options.program, "--inside"]
    for prefix in (["unshare", "--net", "--mount"], ["unshare", "--user", "--map-root-user", "--net", "--mount"]):
        probe = [*prefix, "ip", "link", "add", LINE, "type", "veth", "peer", "name", TAP]
        try:
            if subprocess.run(probe, capture_output=True).returncode == 0:
                return subprocess.run([*prefix, *words]).returncode
        except OSError:
            continue
    print("skipped: no network namespace with a pair of interfaces can be made here (needs root or user namespaces, unshare and ip)")
    return 77


if __name__ == "__main__":
    raise SystemExit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost: an output whose receiver is away, slow, refuses, crashes or lies; kill -9 of every process at any point; a
full spool, a full disk, a pipe that nobody reads. Events are counted by id on the other side.

The output is tests/plugin/lines_out.c, which does what a file tells it; the receiver at a unix socket is this test. What needs
an interface runs in a network namespace of its own, and says so when none can be had."""
import collections
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import harness
from harness import PATIENCE, Checks, arguments, get, pcapio, read, run, wait_until
from line import Line, make_pair

DONE, FAILED = 0, 1
SEED = 11
MOST_ROUNDS = 20000


def start(words, folder):
    """The program; what it says is in the file `said` of the process."""
    descriptor, said = tempfile.mkstemp(dir=folder, suffix=".err")
    with open(descriptor, "wb") as err:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=err, cwd=harness.root)
    process.said = said
    return process


def wait_for(process, words):
    """Until it has said them, or has ended."""
    return wait_until(lambda: words in read(process.said).decode() or process.poll() is not None)


class Bench:
    """A folder with the plugin, the file that it obeys and the one it writes."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        subprocess.run(["cmake", "--install", os.path.dirname(program), "--prefix", folder], check=True, stdout=subprocess.DEVNULL)
        self.library, self.count, self.starts = os.path.join(folder, "lines.so"), 0, 0
        subprocess.run([os.environ.get("CC", "cc"), "-std=c17", "-D_DEFAULT_SOURCE", "-fPIC", "-shared", "-I", os.path.join(folder, "include"), "-o",
                        self.library, os.path.join(harness.root, "tests", "plugin", "lines_out.c")], check=True)  # fmt: skip
        self.fresh()

    def fresh(self):
        self.count += 1
        self.out, self.word, self.spool = (os.path.join(self.folder, f"{name}-{self.count}") for name in ("out", "word", "spool"))

    def say(self, word):
        with open(self.word + ".new", "w", encoding="ascii") as file:
            file.write(word)
        os.rename(self.word + ".new", self.word)

    def output(self, more=""):
        return ["--plugin", self.library, "-o", f"plugin:lines:{self.out}?obey={self.word}{more}"]

    def start(self, *words, more=""):
        return start([self.program, *words, *self.output(more)], self.folder)

    def rows(self):
        """Id, key, dataset and event of each message that arrived. A line torn by kill -9 is none."""
        found = []
        for line in read(self.out).decode().split("\n")[:-1]:
            row = line.split(" ", 5)
            try:
                found.append((row[0], row[1], int(row[2]), json.loads(row[5])))
            except (ValueError, IndexError):
                continue
        return found


def children(pid):
    """All processes below, the keeper first."""
    found, todo = [], [pid]
    while todo:
        try:
            with open(f"/proc/{todo[0]}/task/{todo[0]}/children", encoding="ascii") as file:
                below = [int(word) for word in file.read().split()]
        except OSError:
            below = []
        todo = todo[1:] + below
        found += below
    return found


def called(name, pids):
    """The first of them with this name, or 0."""
    for pid in pids:
        if read(f"/proc/{pid}/comm") == b"tap:%s\n" % name.encode():
            return pid
    return 0


def is_there(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def finish(process, seconds=PATIENCE):
    status = None
    try:
        process.communicate(timeout=seconds)
        status = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return status, read(process.said).decode()


def in_order(rows, want):
    """Each event follows, the first time it arrives, those that came before it with the same key."""
    place = {name: number for number, name in enumerate(want)}
    last, seen = {}, set()
    for name, key, _, _ in rows:
        if name in seen or name not in place:
            continue
        seen.add(name)
        if place[name] < last.get(key, -1):
            return False
        last[key] = place[name]
    return True


def check_words(checks, bench, captures, want):
    """The receiver is away, slow, refuses, lies."""
    for word in "away", "stall", "lie":
        bench.fresh()
        bench.say(word)
        process = bench.start("-r", *captures)
        if word == "stall":
            wait_until(lambda: os.path.exists(bench.out))
        else:
            wait_for(process, "cannot be delivered: ")
        time.sleep(1)  # the longer, the more surely it does not end
        checks.check(f"{word}: it waits", process.poll() is None)
        bench.say("")
        status, err = finish(process)
        checks.equal(f"{word}: status", status, DONE)
        checks.equal(f"{word}: each event once, in order", [row[0] for row in bench.rows()], want)
        if word == "away":
            checks.equal("away: one line when it goes, one when it is back", (err.count("cannot be delivered: nobody"), err.count("delivers again")), (1, 1))
            checks.check("away: lines have the output's name", all("plugin:lines:" in line for line in err.splitlines() if "deliver" in line), err)
    bench.fresh()
    bench.say("refuse")
    status, err = finish(bench.start("-r", *captures))
    checks.equal("refuse: status", status, DONE)
    checks.check("refuse: said once", err.count("not wanted") == 1 and not bench.rows(), err)
    bench.fresh()
    bench.say("away")
    status, err = finish(bench.start("-r", *captures, more="&drain=1s"))
    checks.equal("away for good: status", status, FAILED)
    checks.check("away for good: counted", f"{len(want)} events could not be delivered" in err, err)
    process = bench.start("-r", *captures, more=f"&drain=1s&spool={bench.spool}")
    status, err = finish(process)
    checks.equal("away for good, spool on disk: status", status, DONE)
    checks.check("away for good, spool on disk: said", f"{len(want)} events remain in the spool" in err, err)
    other = run(bench.program, "-r", captures[0], *bench.output("&drain=1s&spool=/proc/none"))
    checks.check("a spool that cannot be made", other.returncode == FAILED and b"/proc/none" in other.stderr, other.stderr)
    bench.say("")
    one = run(bench.program, "-r", captures[0], "--events", "stats", *bench.output(f"&spool={bench.spool}"))
    checks.equal("the next run: status", one.returncode, DONE)
    checks.equal("the next run: what remained comes first", [row[0] for row in bench.rows()][: len(want)], want)
    checks.equal("the next run: then its own", len(bench.rows()), len(want) + 1)


def check_crashes(checks, bench, captures, want):
    bench.fresh()
    bench.say("crash")
    status, err = finish(bench.start("-r", *captures))
    checks.equal("a crash: status", status, DONE)
    checks.check("a crash: said", "ended unexpectedly (signal 6)" in err, err)
    checks.equal("a crash: all arrive", collections.Counter(row[0] for row in bench.rows()), collections.Counter(want))


def check_kills(checks, bench, captures, want, rounds):
    """kill -9 of the program, its keeper or its sender, anywhere; the next run, and the one after, bring the rest."""
    chance = random.Random(SEED)
    for number in range(rounds):
        bench.fresh()
        bench.say("slow" if number % 2 else "")
        victim = ("program", "sender", "keeper")[number % 3]
        name = f"kill -9 of the {victim}, {number}"
        process = bench.start("-r", *captures, more=f"&drain=2s&spool={bench.spool}")
        wait_until(lambda p=process: called("lines", children(p.pid)) or p.poll() is not None)
        below = children(process.pid)
        time.sleep(chance.random() * (0.4 if number % 2 else 0.05))
        named = {"program": process.pid, "keeper": called("outputs", below), "sender": called("lines", below)}
        target = named[victim]
        if target and is_there(target):
            os.kill(target, signal.SIGKILL)
        finish(process)
        checks.check(f"{name}: no process is left", wait_until(lambda b=below: not any(map(is_there, b))), below)
        bench.say("")
        again = run(bench.program, "-r", *captures, *bench.output(f"&spool={bench.spool}"))
        checks.equal(f"{name}: the next run", again.returncode, DONE)
        rows = bench.rows()
        checks.equal(f"{name}: none is missing", set(want) - {row[0] for row in rows}, set())
        checks.check(f"{name}: in order of each key", in_order(rows, want))


def check_two_runs(checks, bench, captures):
    bench.fresh()
    bench.say("away")
    first = bench.start("-r", *captures, more=f"&spool={bench.spool}")
    wait_until(lambda: os.path.exists(os.path.join(bench.spool, "events")))
    second = run(bench.program, "-r", captures[0], *bench.output(f"&spool={bench.spool}"))
    checks.check("two runs, one spool", second.returncode == FAILED and b"another run uses this spool" in second.stderr, second.stderr)
    bench.say("")
    checks.equal("two runs, one spool: the first one goes on", finish(first)[0], DONE)
    twice = run(bench.program, "-r", captures[0], *bench.output("&spool=x"), "-o", f"plugin:lines:y?spool=x")
    checks.check("two outputs, one spool", twice.returncode == 2 and b"same spool" in twice.stderr, twice.stderr)


def check_full(checks, bench, captures, folder):
    """Captures wait for a full spool."""
    big = os.path.join(folder, "big")
    os.mkdir(big)
    link, frames = pcapio.read(max(captures, key=os.path.getsize))
    for i in range(1100):
        moved = [pcapio.Frame(f.time_ns + i * 3600 * 10**9, f.data) for f in frames]
        with open(os.path.join(big, f"{i:04}.pcap"), "wb") as file:
            file.write(pcapio.pcap(link, moved, nano=True))
    common = ["--set", "findings.interval=0", "--min-severity", "info"]
    want = [get(json.loads(line), "event.id") for line in run(bench.program, "-q", "-r", big, *common).stdout.splitlines()]
    bench.fresh()
    bench.say("away")
    process = bench.start("-r", big, *common, "-o", "-?events=stats", more="&spool_size=4MiB")
    wait_for(process, "reading waits for the receiver")
    time.sleep(0.5)
    checks.check("a full spool: reading waits", process.poll() is None)
    bench.say("")
    out, _ = process.communicate(timeout=PATIENCE)
    checks.equal("a full spool: status", process.returncode, DONE)
    checks.equal(f"a full spool: all {len(want)} arrive, in order", [row[0] for row in bench.rows()], want)
    stats = get(json.loads(out), "mailtls.stats.outputs")
    checks.check("a full spool: it is counted", stats and stats[0]["waits"] > 0 and stats[0]["waited"] > 10**9 and not any(stats[0]["dropped"].values()), stats)
    return big, common


def check_unix(checks, program, folder, captures, want):
    """A receiver at a unix socket that comes late, and goes away in the middle."""
    path, got = os.path.join(folder, "socket"), []

    def serve():
        for part in range(3):
            with socket.socket(socket.AF_UNIX) as listener:
                if os.path.exists(path):
                    os.unlink(path)
                listener.bind(path)
                listener.listen()
                connection, _ = listener.accept()
            with connection, connection.makefile("rb") as stream:
                for line in stream:
                    if line.endswith(b"\n"):
                        got.append(get(json.loads(line), "event.id"))
                    if part == 0 and len(got) > 20:
                        break

    process = start([program, "-r", *captures, "-o", f"unix:{path}"], folder)
    wait_for(process, "cannot be delivered: ")
    threading.Thread(target=serve, daemon=True).start()
    status, err = finish(process)
    checks.equal("unix: status", status, DONE)
    checks.check("unix: nothing is wrong but that nobody is there", all("deliver" in line for line in err.splitlines()), err)
    wait_until(lambda: got and got[-1] == want[-1])
    # What a stream socket took before its reader closed it is gone: the receiver's own matter; all that follows is there.
    checks.check("unix: in order", [name for name in want if name in set(got)] == list(dict.fromkeys(got)))
    checks.check("unix: after the receiver came back", got and got[-1] == want[-1], got[-3:])


def check_disk(checks, bench, folder, captures, want):
    """A small disk: nothing is lost once there is room."""
    small = os.path.join(folder, "small")
    os.mkdir(small)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], stderr=subprocess.DEVNULL, check=False).returncode:
        print("skipped: a full disk (a small tmpfs needs root and mount)")
        return
    try:
        fill = os.path.join(small, "fill")
        with open(fill, "wb") as file:
            file.write(b"x" * (150 << 10))
        path = os.path.join(small, "events")
        process = start([bench.program, "-r", *captures, "-o", f"file:{path}?drain=10m"], folder)
        wait_for(process, "No space left")
        time.sleep(0.5)
        checks.check("a full disk: it waits", process.poll() is None)
        os.unlink(fill)
        wait_until(lambda: os.path.getsize(path) > 100 << 10)
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        status, err = finish(process)
        checks.equal("a full disk: status", status, DONE)
        checks.check("a full disk: said", 1 <= err.count("No space left") <= 2, err)
        checks.equal("a full disk: nothing is missing", [get(json.loads(line), "event.id") for line in read(path).splitlines()], want)
        other = run(bench.program, "-r", captures[0], *bench.output(f"&spool={small}/spool&spool_size=128MiB"))
        checks.check("no room for a spool", other.returncode == FAILED and b"no room" in other.stderr, other.stderr)
        subprocess.run(["mount", "-o", "remount,size=1m", small], check=False)
        full = run(bench.program, "-r", *captures, "-o", f"file:{small}/more?drain=0s")
        whole = all(line.endswith(b"}") for line in read(os.path.join(small, "more")).split(b"\n")[:-1])
        checks.check("a disk that stays full: status", full.returncode in (DONE, FAILED) and whole and read(os.path.join(small, "more")).endswith(b"\n"))
    finally:
        subprocess.run(["umount", small], check=False)


# --- an interface: nothing waits ---


def moved(frames, number):
    """The frames of a session with a client's port of its own."""
    for frame in frames:
        data = bytearray(frame.data)
        at = 14 + (data[14] & 15) * 4
        for place in (at, at + 2):
            if int.from_bytes(data[place : place + 2], "big") > 10000:
                data[place : place + 2] = (20000 + number).to_bytes(2, "big")
        data[at + 16 : at + 18] = b"\0\0"
        yield bytes(data)


class Reported:
    """Counts the sessions in a file of events that grows."""

    def __init__(self, path):
        self.path, self.at, self.count = path, 0, 0

    def __call__(self):
        with open(self.path, "rb") as file:
            file.seek(self.at)
            whole = file.read().rpartition(b"\n")[0]
        if whole:
            self.at += len(whole) + 1
            self.count += whole.count(b'"dataset":"mailtls.session"')
        return self.count


def play(process, line, frames, reported):
    """Sessions until some were dropped, and as many again. Those under way are few: the kernel's buffer is never full."""
    rounds, enough = 0, None
    while rounds < (enough or MOST_ROUNDS) and process.poll() is None:
        for data in moved(frames, rounds):
            line.send(data)
        rounds += 1
        if rounds % 50:
            continue
        wait_until(lambda: reported() > rounds - 200 or process.poll() is not None)  # noqa: B023
        if not enough and b"events were dropped" in read(process.said):
            enough = min(2 * rounds, MOST_ROUNDS)
    wait_until(lambda: reported() >= rounds or process.poll() is not None)
    return rounds


def inside(options):
    checks = Checks()
    make_pair("line0", "tap0")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.program, folder)
        _, frames = pcapio.read(next(path for path in options.captures if "login-clear" in path))
        line = Line("line0", "tap0")
        pipe, writer = os.pipe()  # nobody reads standard output
        bench.say("away")
        stats_path, said = os.path.join(folder, "stats"), os.path.join(folder, "said")
        begun = time.monotonic()
        process = harness.start_watching(
            [options.program, "-i", "tap0", "--set", "findings.interval=0", "--set", "tls.all=yes", "-o", "-?drain=0s&spool_size=4MiB", "-o", f"file:{stats_path}",
             *bench.output("&spool_size=4MiB&drain=10m&min_severity=high&events=session,finding")], said, stdout=writer, cwd=harness.root)  # fmt: skip
        process.said = said
        os.close(writer)
        reported = Reported(stats_path)
        rounds = play(process, line, frames, reported)
        checks.check("live: it runs", process.poll() is None)
        checks.equal("live: every session is in the file", reported(), rounds)
        bench.say("")
        process.send_signal(signal.SIGTERM)
        status, err = finish(process)
        minutes = (time.monotonic() - begun) / 60
        os.close(pipe)
        rows = bench.rows()
        live = [json.loads(text) for text in read(stats_path).splitlines()]
        last = live[-1]["mailtls"]["stats"]
        names = {output["kind"]: output for output in last["outputs"]}
        checks.check("live: a pipe that nobody reads and a receiver that is away, and no packet waited",
                     all(output["waits"] == output["waited"] == 0 for output in last["outputs"]), last["outputs"])  # fmt: skip
        checks.equal("live: no packet was lost", last["capture"]["kernel_drops"], 0)
        dropped = names["lines"]["dropped"]
        made = collections.Counter(event["event"]["dataset"] for event in live if event["event"].get("severity", 90) >= 70)
        got = collections.Counter(row[3]["event"]["dataset"] for row in rows)
        few = 3 * (64 << 10) // 1500  # what fits into the slots at which the sender was
        checks.check("live: sessions went first, findings only when there were none left",
                     dropped["session"] > 0 and (dropped["finding"] == 0 or got["mailtls.session"] < few), (dropped, got))  # fmt: skip
        counted = re.findall(r"plugin:lines:.*so far: (.*)", err)
        checks.check("live: the loss is announced, not often", 1 <= len(counted) <= 3 + minutes, err)
        told = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", counted[-1] if counted else "")}
        for word in ("session", "finding"):
            checks.equal(f"live: {word}: what is missing is what was counted", made[f"mailtls.{word}"] - got[f"mailtls.{word}"], told.get(word, 0))
        order = {event["event"]["id"]: number for number, event in enumerate(live)}
        places = [order[row[0]] for row in rows]
        checks.check("live: in order", places == sorted(places))
        checks.equal("live: status", status, FAILED)  # what standard output could not be given is lost
    return checks.finish()


def check_live(options):
    words = [sys.executable, os.path.abspath(__file__), "--program", options.program, "--inside", *options.captures]
    for prefix in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]):
        try:
            probe = subprocess.run([*prefix, "ip", "link", "add", "tap0", "type", "veth", "peer", "name", "line0"], capture_output=True)
        except OSError:
            continue
        if probe.returncode == 0:
            return subprocess.run([*prefix, *words]).returncode == 0
    print("skipped: an interface (needs root or user namespaces, unshare and ip)")
    return True


def main():
    options = arguments(__doc__, more=lambda parser: (parser.add_argument("--inside", action="store_true"), parser.add_argument("--rounds", type=int, default=3)))
    if options.inside:
        return inside(options)
    checks = Checks()
    captures = options.captures
    want = [get(json.loads(line), "event.id") for line in run(options.program, "-q", "-r", *captures).stdout.splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.program, folder)
        check_words(checks, bench, captures, want)
        check_crashes(checks, bench, captures, want)
        check_kills(checks, bench, captures, want, options.rounds)
        check_two_runs(checks, bench, captures)
        check_full(checks, bench, captures, folder)
        check_unix(checks, options.program, folder, captures, want)
        check_disk(checks, bench, folder, captures, want)
    checks.check("on an interface", check_live(options))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

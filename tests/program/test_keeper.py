#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The processes of the outputs: what happens when they are killed or stopped, when none can be made, and what they may do."""
import collections
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from harness import Checks, arguments, get, run
from test_spool import DONE, FAILED, Bench, children, finish, is_there, wait_until

NOBODY = 65534


def named(process, name):
    """Of the processes below, those with this name that have not ended: nobody may have asked for the status of one that was killed."""
    found = []
    for pid in children(process.pid):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                if file.read().strip() == "tap:" + name and is_there(pid):
                    found.append(pid)
        except OSError:
            continue
    return found


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def open_files(pid):
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:  # closed meanwhile
            continue
    return found


def users(process, name):
    try:
        return [status_of(pid)["Uid"].split()[0] for pid in named(process, name)]
    except OSError:  # one ended meanwhile
        return []


def waiting(bench, captures, more="", word="stall"):
    """A run whose receiver does not read, with all its processes."""
    bench.fresh()
    bench.say(word)
    process = bench.start("-r", *captures, more=more)
    wait_until(lambda: all(named(process, name) for name in ("outputs", "spare", "lines")))
    return process


def check_keeper_killed(checks, bench, captures, want):
    """Another one takes its place, time and again, and the run does not notice: not even with events in memory only."""
    process = waiting(bench, captures)
    below = set()
    for number in range(3):
        wait_until(lambda: all(named(process, name) for name in ("outputs", "spare", "lines")))
        keepers, spares = named(process, "outputs"), named(process, "spare")
        below |= set(children(process.pid))
        if not keepers or not spares:
            break
        os.kill(keepers[0], signal.SIGKILL)
        checks.check(f"keeper killed, {number}: the spare takes its place", wait_until(lambda s=spares: named(process, "outputs") == s), named(process, "outputs"))
    checks.check("keeper killed: its senders are started again", wait_until(lambda: named(process, "lines")))
    bench.say("")
    status, err = finish(process)
    got = collections.Counter(row[0] for row in bench.rows())
    checks.equal("keeper killed: status", status, DONE)
    checks.equal("keeper killed: none is missing", set(want) - set(got), set())
    checks.equal("keeper killed: said each time", err.count("another one took its place"), 3)
    checks.check("keeper killed: no process is left", wait_until(lambda: not any(map(is_there, below))), below)


def check_spare_killed(checks, bench, captures, want):
    process = waiting(bench, captures)
    first = named(process, "spare")
    os.kill(first[0], signal.SIGKILL)
    checks.check("spare killed: there is another", wait_until(lambda: named(process, "spare") not in ([], first)))
    bench.say("")
    status, _ = finish(process)
    checks.equal("spare killed: nothing else happens", (status, [row[0] for row in bench.rows()]), (DONE, want))


def check_all_killed(checks, bench, captures, want):
    """Keeper and spare at once: nobody delivers; it is said and counted, and what lies on disk is for the next run."""
    for spool in (False, True):
        process = waiting(bench, captures, more=f"&spool={bench.folder}/kept-{spool}" if spool else "", word="away")
        pids = named(process, "outputs") + named(process, "spare")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        status, err = finish(process)
        name = f"all killed, spool on disk: {spool}"
        checks.equal(f"{name}: said once", err.count("nothing is delivered any more"), 1)
        if spool:
            checks.check(f"{name}: what remains is said", re.search(r"\d+ events remain in the spool", err), err)
            bench.say("")
            again = run(bench.program, "-r", *captures, *bench.output(f"&spool={bench.folder}/kept-{spool}"))
            checks.equal(f"{name}: the next run brings all", (again.returncode, set(want) - {row[0] for row in bench.rows()}), (DONE, set()))
        else:
            checks.check(f"{name}: a failure, counted", status == FAILED and f"{len(want)} events could not be delivered" in err, err)


def check_stopped(checks, bench, captures, want):
    """A process that is stopped holds nobody up at the end."""
    for name in ("outputs", "spare", "lines"):
        process = waiting(bench, captures, more="&drain=2s" if name == "lines" else "&drain=10m")
        below = children(process.pid)
        os.kill(named(process, name)[0], signal.SIGSTOP)
        bench.say("")
        status, err = finish(process)
        checks.check(f"{name} is stopped: the run ends", status == (FAILED if name == "lines" else DONE), f"{status} {err}")
        checks.check(f"{name} is stopped: no process is left", wait_until(lambda b=below: not any(map(is_there, b))), below)
        if name != "lines":
            checks.equal(f"{name} is stopped: all was delivered", [row[0] for row in bench.rows()], want)


def check_signals(checks, bench, captures, want):
    """What a terminal or a service manager sends to all of them ends none but the program."""
    process = waiting(bench, captures)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE, signal.SIGCHLD):
        for pid in children(process.pid):
            os.kill(pid, number)
    time.sleep(0.2)
    bench.say("")
    status, err = finish(process)
    checks.equal("signals: status, words, events", (status, err, [row[0] for row in bench.rows()]), (DONE, "", want))


def check_no_process(checks, bench, captures):
    """The user may have no more processes."""

    def limit():
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))

    with tempfile.TemporaryDirectory() as folder:  # the checkout may be nobody else's to read
        os.chmod(folder, 0o755)
        words = [shutil.copy(bench.program, folder), "-r", shutil.copy(captures[0], folder), "-o", "unix:/nowhere"]
        os.chmod(words[2], 0o644)
        try:
            process = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit, timeout=40, check=False, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        except PermissionError:
            print("skipped: no process can be made (another user cannot run the program from here)")
            return
    err = process.stderr.decode()
    checks.check("no process can be made: said, and no crash", process.returncode == FAILED and "no process for them" in err and err.count("\n") == 1, f"{process.returncode} {err}")


def check_rights(checks, bench, captures):
    """Nobody but the program itself may look at packets, and no core file holds a password."""
    process = waiting(bench, captures)
    for name in ("outputs", "spare", "lines"):
        status = status_of(named(process, name)[0])
        checks.equal(f"{name}: no new privileges", status["NoNewPrivs"], "1")
        held = {int(word, 16) & ~0xE6 for word in (status["CapPrm"], status["CapEff"], status["CapInh"], status["CapAmb"])}
        checks.equal(f"{name}: no capability but for files, users and ending senders", held, {0})
        if name == "lines":
            checks.check("a sender: no capability but for files", int(status["CapPrm"], 16) & ~0x6 == 0, status["CapPrm"])
        with open(f"/proc/{named(process, name)[0]}/limits", encoding="ascii") as file:
            checks.check(f"{name}: no core file", re.search(r"Max core file size +0 +0", file.read()))
        links = open_files(named(process, name)[0])
        checks.check(f"{name}: no file of the program is open", not any("pcap" in link for link in links), links)
    bench.say("")
    checks.equal("rights: status", finish(process)[0], DONE)


def check_user(checks, bench, captures, want):
    """As root: what sends is somebody else, with that one's groups, and is still ended by its keeper and with it."""
    wrong = run(bench.program, "-q", "-r", captures[0], "--set", "output.user=no-such-user", *bench.output())
    checks.check("a user that is not there", wrong.returncode == FAILED and b'there is no user "no-such-user"' in wrong.stderr, wrong.stderr)
    if os.geteuid() != 0:
        print("skipped: output.user (needs root)")
        return
    bench.fresh()
    bench.say("stall")
    with open(bench.out, "w", encoding="ascii"):
        os.chown(bench.out, NOBODY, NOBODY)
    process = bench.start("-r", *captures, "--set", "output.user=nobody")
    wait_until(lambda: users(process, "lines") == [str(NOBODY)])
    pid = named(process, "lines")[0]
    status = status_of(pid)
    checks.equal("output.user: user and group", (set(status["Uid"].split()), set(status["Gid"].split()), status["Groups"].split()), ({str(NOBODY)}, {str(NOBODY)}, [str(NOBODY)]))
    checks.equal("output.user: capabilities", {int(status[word], 16) for word in ("CapPrm", "CapEff", "CapInh", "CapAmb")}, {0})
    checks.equal("output.user: the keeper stays", status_of(named(process, "outputs")[0])["Uid"].split()[0], "0")
    os.kill(named(process, "outputs")[0], signal.SIGKILL)
    checks.check("output.user: it ends with its keeper", wait_until(lambda: not is_there(pid)))
    checks.check("output.user: and is started again, as that user", wait_until(lambda: users(process, "lines") == [str(NOBODY)]))
    bench.say("")
    status, err = finish(process)
    checks.equal("output.user: status", status, DONE)
    checks.equal("output.user: no sender ended but for its keeper", err.count("ended unexpectedly"), 0)
    checks.equal("output.user: none is missing", set(want) - {row[0] for row in bench.rows()}, set())
    bench.fresh()
    bench.say("stall")
    process = bench.start("-r", *captures, "--set", "output.user=nobody", more="&drain=1s")
    wait_until(lambda: named(process, "lines"))
    below = children(process.pid)
    finish(process)
    checks.check("output.user: none is left", wait_until(lambda: not any(map(is_there, below))), below)


def main():
    options = arguments(__doc__)
    checks = Checks()
    captures = options.captures
    want = [get(json.loads(line), "event.id") for line in run(options.program, "-q", "-r", *captures).stdout.splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # for other users too
        bench = Bench(options.program, folder)
        check_no_process(checks, bench, captures)
        check_signals(checks, bench, captures, want)
        check_rights(checks, bench, captures)
        check_keeper_killed(checks, bench, captures, want)
        check_spare_killed(checks, bench, captures, want)
        check_all_killed(checks, bench, captures, want)
        check_user(checks, bench, captures, want)
        check_stopped(checks, bench, captures, want)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

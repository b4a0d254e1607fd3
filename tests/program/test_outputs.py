#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where output goes and how a run ends: a full disk, too many outputs, a followed folder that is stopped by a signal."""
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import termios

from harness import PATIENCE, Checks, arguments, read, run, wait_until

DONE, FAILED, USAGE = 0, 1, 2


def check_printing(checks, program):
    """Help and the like are output too: what does not arrive is a failure, but a reader that went away is none."""
    for word in ("--help", "--version", "--dump-config", "-T"):
        with open("/dev/full", "wb") as full:
            process = subprocess.run([program, word], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
        checks.equal(f"{word} > /dev/full: status", process.returncode, FAILED)
        checks.check(f"{word} > /dev/full: a message", process.stderr.count(b"\n") == 1, f"{process.stderr!r}")
        reader, writer = os.pipe()
        os.close(reader)
        process = subprocess.run([program, word], stdout=writer, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
        os.close(writer)
        checks.equal(f"{word} into a closed pipe: status", (process.returncode, process.stderr), (DONE, b""))


def check_many(checks, program, folder, good):
    names = [os.path.join(folder, f"out-{i}") for i in range(33)]
    words = [word for name in names for word in ("-o", "file:" + name)]
    checks.equal("33 outputs", run(program, "-q", "-r", good, *words).returncode, USAGE)
    checks.check("33 outputs: none is made", not any(map(os.path.exists, names)))
    checks.equal("32 outputs", run(program, "-q", "-r", good, *words[:-2]).returncode, DONE)
    texts = {open(name, "rb").read() for name in names[:-1]}
    checks.check("32 outputs: all alike", len(texts) == 1 and b"mailtls.stats" in texts.pop())


def check_stuck_rotation(checks, program, folder, captures):
    """A file that cannot be put aside (no room in its name for a time) grows; that is said once, not for each event."""
    want = run(program, "-q", "-r", *captures).stdout
    path = os.path.join(folder, "n" * 245)
    done = run(program, "-q", "-r", *captures, "-o", f"file:{path}?rotate_size=1KiB")
    checks.equal("a file that cannot be put aside: status", done.returncode, DONE)
    checks.equal("a file that cannot be put aside: said once", done.stderr.count(b"cannot be put aside"), 1)
    checks.check("a file that cannot be put aside: nothing is missing", open(path, "rb").read() == want)
    os.unlink(path)


def has_read(process, path):
    """All of a file that it keeps open, since it follows it."""
    folder = f"/proc/{process.pid}/fd"
    try:
        for number in os.listdir(folder):
            if os.readlink(f"{folder}/{number}") == path:
                return f"pos:\t{os.path.getsize(path)}\n".encode() in read(f"/proc/{process.pid}/fdinfo/{number}")
    except FileNotFoundError:  # it has ended, or closed one just now
        pass
    return False


def is_empty(pipe):
    waiting = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return not any(waiting)


def stopped(program, words, number, ready, stdin=None):
    """What is read is reported, whenever the signal comes behind it."""
    process = subprocess.Popen([program, "-v", *words], stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: ready(process) or process.poll() is not None)
    process.send_signal(number)
    try:
        return process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return None


def check_signals(checks, program, folder, captures, good):
    """A followed folder and a pipe have no end of their own; the signal is one, and all that was read is reported."""
    want = run(program, "-r", good).stdout
    path = os.path.join(folder, "out.jsonl")
    inside = os.path.join(folder, "inside")
    os.mkdir(inside)
    shutil.copy(good, inside)
    for number in (signal.SIGINT, signal.SIGTERM):
        for workers in ("1", "3"):
            words = ["-r", inside, "--follow", "--workers", workers, "-o", "file:" + path]
            status = stopped(program, words, number, lambda process: has_read(process, os.path.join(inside, os.path.basename(good))))
            checks.equal(f"--follow, {number.name}, {workers} workers: status", status, DONE)
            checks.check(f"--follow, {number.name}, {workers} workers: output", open(path, "rb").read() == want)
            os.unlink(path)
    reader, writer = os.pipe()
    os.write(writer, open(good, "rb").read())
    status = stopped(program, ["-r", "-", "-o", "file:" + path], signal.SIGINT, lambda _: is_empty(reader), reader)
    checks.equal("a pipe, SIGINT: status", status, DONE)
    checks.equal("a pipe, SIGINT: events", open(path, "rb").read().count(b"\n"), want.count(b"\n"))
    os.unlink(path)

    # What is ready is written while the folder is followed: a later capture moves the clock on.
    order = sorted(captures, key=lambda name: run(program, "-q", "-r", name, "--events", "stats").stdout)  # begins with the time
    for name in os.listdir(inside):
        os.unlink(os.path.join(inside, name))
    shutil.copy(order[0], inside)
    watcher = subprocess.Popen([program, "-q", "-r", inside, "--follow", "-o", "file:" + path])
    wait_until(lambda: has_read(watcher, os.path.join(inside, os.path.basename(order[0]))))
    shutil.copy(order[-1], os.path.join(inside, "zz.pcap"))
    wait_until(lambda: os.path.getsize(path) > 0)
    size = os.path.getsize(path)
    watcher.terminate()
    watcher.wait(timeout=PATIENCE)
    checks.check("--follow: events do not wait for the end", 0 < size < os.path.getsize(path), f"{size} of {os.path.getsize(path)}")


def main():
    options = arguments(__doc__)
    checks = Checks()
    good = next(path for path in options.captures if "starttls-tls12" in path)
    with tempfile.TemporaryDirectory() as folder:
        check_printing(checks, options.program)
        check_many(checks, options.program, folder, good)
        check_stuck_rotation(checks, options.program, folder, options.captures)
        check_signals(checks, options.program, folder, options.captures, good)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

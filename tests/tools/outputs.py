# SPDX-License-Identifier: Apache-2.0
"""What the tests of output plugins share: messages with hostile bytes, the driver, receivers that are started and ended by id.

A test of an output is plugins/NAME/test.py --driver PATH [--program PATH]. It prints a line for each failure and "N passed, N
failed"; parts whose receiver is not installed are named in a line that begins with "skipped:". Python's standard library only.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "program"))
import harness  # noqa: E402

SKIPPED = 77
# Valid in JSON and UTF-8, and each of them has broken some receiver's parser.
HOSTILE = ['"', "\\", "\\n", "\u0000", "\n", "\r", "\t", "\u007f", "\u0085", "\u2028", "\ufeff", "\U0001f4a9", "<34>1 2026-01-01T00:00:00Z h a - - -",
           "] [x@1 y=\"z\"]", "|=|\\|", "%n%s", "123 <13>1", "\r\n.\r\n", "*3\r\n$3\r\nSET\r\n", '"}\n{"create":{}}', "#012", "é" * 40,
           "'; DROP TABLE x; --", "${jndi:x}", "\x1b[2J"]  # fmt: skip


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", default=os.path.join(harness.root, "build", "dev", "tests", "plugin", "drive_output"))
    parser.add_argument("--program", help="starttap, for the whole way")
    parser.add_argument("--full", action="store_true", help="larger numbers")
    return parser.parse_args()


class Message:
    def __init__(self, number, filler="", keys=7):
        self.id = f"ID{number:08d}"
        self.key = f"1:key{number % keys}="
        self.dataset, self.severity = (1, (30, 50, 70, 90)[number % 4]) if number % 5 == 0 else (0, 0)
        self.line = json.dumps({"event": {"id": self.id}, "number": number, "key": self.key, "text": HOSTILE[number % len(HOSTILE)], "filler": filler},
                               ensure_ascii=False, separators=(",", ":"))  # fmt: skip

    def row(self):
        return f"{self.id} {self.key} {self.dataset} {self.severity} {self.line}\n"


def messages(count, size=300, first=0, keys=7):
    return [Message(number, "x" * size, keys) for number in range(first, first + count)]


class Drive:
    """The driver at work: feed it, wait for it."""

    def __init__(self, driver, kind, target, *words, given=()):
        self.stdin = tempfile.TemporaryFile()
        self.stdin.write("".join(m.row() for m in given).encode())
        self.stdin.seek(0)
        self.out, self.told = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen([driver, kind, target, *words], stdin=self.stdin, stdout=self.out, stderr=self.told)

    def calls_so_far(self):
        size = os.fstat(self.out.fileno()).st_size
        rows = os.pread(self.out.fileno(), size, 0).decode(errors="replace").split("\n")[:-1]
        calls = (row.split(" ", 3) for row in rows)
        return [(int(delivered), int(refused), failed == "1", why) for delivered, refused, failed, why in calls]

    def wait_for_failure(self):
        """Until a call has failed."""
        return until(lambda: any(call[2] for call in self.calls_so_far()) or self.process.poll() is not None)

    def done(self, timeout=300):
        late = ""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            late = "\n(timeout)"
        self.stdin.close()
        self.status, self.calls = self.process.returncode, self.calls_so_far()
        self.out.close()
        self.told.seek(0)
        self.err = self.told.read().decode(errors="replace") + late
        self.told.close()
        self.delivered = sum(call[0] for call in self.calls)
        self.refused = sum(call[1] for call in self.calls)
        self.failures = sum(call[2] for call in self.calls)
        return self


def drive(driver, kind, target, *words, given=(), timeout=300):
    return Drive(driver, kind, target, *words, given=given).done(timeout)


def lines_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace", newline="\n") as f:
            return f.read().split("\n")[:-1]
    except FileNotFoundError:
        return []


def until(condition, seconds=harness.PATIENCE):
    """Polls: what is waited for takes milliseconds, and how many does not matter."""
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


held = []


def refusing_port():
    """A port at which nobody listens, and nobody else can until the test is over."""
    held.append(socket.socket())
    held[-1].bind(("127.0.0.1", 0))
    return held[-1].getsockname()[1]


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Receiver:
    """A process of ours."""

    def __init__(self, *words, **more):
        self.words, self.more, self.process = words, more, None

    def start(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self.more)
        return self

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(harness.PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)


def tool(name):
    """Its path, also where only root looks; None, told, when it is not installed."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        print(f"skipped: {name} is not installed")
    return path


def arrived(checks, name, given, got, repeats=True, order=True):
    """`got`: lines. Every one given is there, byte for byte; the first copies are in order, by key."""
    wanted = {m.line: m for m in given}
    strange = [line for line in got if line not in wanted]
    checks.check(f"{name}: nothing else arrives", not strange, f"{len(strange)}, such as {strange[:1]!r:.300}")
    seen = {}
    for line in got:
        seen.setdefault(line, len(seen))
    missing = [m.id for m in given if m.line not in seen]
    checks.check(f"{name}: none missing of {len(given)}", not missing, f"{len(missing)}: {missing[:5]}")
    if not repeats:
        checks.equal(f"{name}: none twice", len(got) - len(strange), len(seen))
    if order and not missing:
        last = {}
        for m in sorted(given, key=lambda m: seen[m.line]):
            if not checks.check(f"{name}: order of {m.key}", last.get(m.key, "") < m.id, f"{m.id} behind {last.get(m.key)}"):
                break
            last[m.key] = m.id
    return len(got) - len(seen)


def refused_by_check(checks, driver, kind, target, *words, says, never=()):
    done = drive(driver, kind, target, "--check", *words)
    name = f"{kind}:{target} {' '.join(words)}"
    checks.check(f"{name} is refused", done.status == 2 and says in done.err, f"{done.status} {done.err!r}, expected {says!r}")
    for secret in never:
        checks.check(f"{name}: no secret", secret not in done.err, done.err)


def samples_through(checks, program, spec, *words):
    """starttap -r SAMPLE -o SPEC: its lines of the same run on standard output, which the receiver must have got."""
    sample = os.path.join(harness.root, "samples", "smtp-cisco-masked.pcap")
    sent = harness.run(program, "-r", sample, "-o", spec, "-o", "-", *words)
    checks.check(f"starttap -o {spec.split('?')[0]}: status", sent.returncode == 0, f"{sent.returncode} {sent.stderr[-400:]!r}")
    return sent.stdout.decode().splitlines()


def late_receiver(checks, program, spec, start, *words):
    """The same with a receiver that is started when starttap already waits for it."""
    sample = os.path.join(harness.root, "samples", "smtp-cisco-masked.pcap")
    sent = subprocess.Popen([program, "-r", sample, "-o", spec, "-o", "-", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=harness.root)
    time.sleep(1)
    waits = sent.poll() is None
    start()
    try:
        out, err = sent.communicate(timeout=harness.PATIENCE)
    except subprocess.TimeoutExpired:
        sent.kill()
        out, err = b"", b"(timeout)"
    checks.check(f"starttap -o {spec.split('?')[0]}: it waits for a late receiver", waits and sent.returncode == 0, f"{waits} {sent.returncode} {err[-400:]!r}")
    return out.decode().splitlines()

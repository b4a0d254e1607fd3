# SPDX-License-Identifier: Apache-2.0
"""What the tests of the whole program share: options, running it, counting checks. Python's standard library only.

Every test_*.py here is a program of its own: --program PATH [CAPTURE...]; it prints a line for each failure and
"N passed, N failed" at the end, and its exit status says whether all passed.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "tools"))
import cut  # noqa: E402
import packets  # noqa: E402
import pcapio  # noqa: E402

__all__ = ["PATIENCE", "Checks", "arguments", "core_samples", "cut", "events", "get", "packets", "pcapio", "read", "root", "run", "samples", "start_watching",
           "trust", "wait_until", "without"]  # fmt: skip

root = os.path.dirname(os.path.dirname(here))
# Both only end what would never end: a busy machine may need many times what a free one does.
TIMEOUT = 300
PATIENCE = 120
SHOWN = int(os.environ.get("SHOW", "40"))  # failures printed


# What samples/make recorded, before there was a lab.
FIRST = """imap-implicit-tls13 imap-login-clear imap-starttls-tls12 implicit-465-tls10-oldserver lmtp-starttls pop3-stls
sieve-starttls smtp-454-refused smtp-530-must-starttls smtp-cisco-masked smtp-clear-offered-not-used smtp-starttls-tls12
smtp-starttls-tls13 smtp-starttls-unknown-ca smtps-expired-cert""".split()
# Enough for tests that make hundreds of variants of each capture; --all takes the others as well.
CORE = FIRST + """imaps-starttls-client imaps-unknown-ca-gnutls-tls13 sieve-login-and-script-clear smtp-downgrade-sentinel
smtp-starttls-command-masked""".split()


def samples():
    return sorted(glob.glob(os.path.join(root, "samples", "*.pcap*")))


def name_of(capture):
    return os.path.basename(capture).split(".")[0]


def core_samples():
    return [capture for capture in samples() if name_of(capture) in CORE]


def trust(capture):
    """Which authority is a public one for a capture. Verdicts must not depend on the machine's own bundle."""
    bundle = "tests/unit/x509/data/other_root.pem" if name_of(capture) in FIRST else "samples/ca.pem"
    return ["--set", "x509.ca_bundle=" + bundle]


def arguments(doc, program=True, more=None, every=False):
    """every: without captures named, a test takes all of samples/, not only the core."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if program:
        parser.add_argument("--program", default=os.path.join(root, "build", "dev", "starttap"))
    if more:
        more(parser)
    parser.add_argument("captures", nargs="*", metavar="CAPTURE", help="default: samples/, " + ("all of it" if every else "its core"))
    parser.add_argument("--all", action="store_true", help="all of samples/")
    options = parser.parse_args()
    options.captures = [os.path.abspath(path) for path in options.captures] or (samples() if every or options.all else core_samples())
    if program:
        options.program = os.path.abspath(options.program)
        if not os.access(options.program, os.X_OK):
            parser.error(f"{options.program} is no program")
    if not options.captures:
        parser.error("samples/ holds no captures")
    return options


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, good, detail=""):
        if good:
            self.passed += 1
            return True
        self.failed += 1
        if self.failed <= SHOWN:
            print(f"FAIL {name}: {detail}" if detail else f"FAIL {name}")
        return False

    def equal(self, name, got, want):
        return self.check(name, got == want, f"want {want!r:.300}, got {got!r:.300}")

    def finish(self):
        if self.failed > SHOWN:
            print(f"(and {self.failed - SHOWN} more)")
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def run(program, *words, stdin=b"", env=None):
    """The finished process, run at the project's root; output as bytes. A hang is an error, reported as status None."""
    environment = dict(os.environ, TZ="UTC", LC_ALL="C", NO_COLOR="1", **(env or {}))
    try:
        words = [program, *words]
        return subprocess.run(words, input=stdin, capture_output=True, timeout=TIMEOUT, env=environment, cwd=root)
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(late.cmd, None, late.stdout or b"", (late.stderr or b"") + b"\n(timeout)")


def wait_until(ready, seconds=PATIENCE):
    """What ready() said last. It is not asked again once it was true: what goes on behind it may have changed by then."""
    end = time.monotonic() + seconds
    while not (good := ready()) and time.monotonic() < end:
        time.sleep(0.02)
    return good


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def start_watching(words, err, **more):
    """The program on an interface, its words in the file `err`. Every packet that is sent from now on is its to see."""
    with open(err, "wb") as file:
        process = subprocess.Popen(words, stderr=file, **more)
    wait_until(lambda: b"starttap: watching " in read(err) or process.poll() is not None)
    return process


def events(checks, name, process, statuses=(0,)):
    """The JSON events of a run; whatever is wrong with them or the run is a failed check."""
    checks.check(f"{name}: status", process.returncode in statuses, f"{process.returncode} {process.stderr[-300:]!r}")
    out = []
    for line in process.stdout.splitlines():
        try:
            out.append(json.loads(line))
        except ValueError as error:
            checks.check(f"{name}: a line is JSON", False, f"{error} in {line[:100]!r}")
    return out


def get(event, path):
    for key in path.split("."):
        if not isinstance(event, dict) or key not in event:
            return None
        event = event[key]
    return event


def without(value, path):
    """Removes a dotted path in place, where it is; "list.key" goes into every element of a list."""
    if isinstance(value, list):
        for element in value:
            without(element, path)
        return
    key, _, rest = path.partition(".")
    if isinstance(value, dict) and key in value:
        if rest:
            without(value[key], rest)
        else:
            del value[key]

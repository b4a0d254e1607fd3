#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line: exit statuses (design, section 2), messages that name what is wrong, and bad input of every kind.

A message counts as good when it is on standard error, names the word or file, and is no crash. Bad files must not cost
what could be read before or beside them.
"""
import gzip
import json
import os
import subprocess
import sys
import tempfile

from harness import Checks, arguments, cut, events, get, pcapio, run

FAILED, USAGE, FOUND = 1, 2, 3
BAD_USAGE = {
    "an unknown option": (["--no-such-option"], "--no-such-option"),
    "an unknown letter": (["-Z"], "-Z"),
    "an unknown key": (["-r", "{good}", "--set", "no.such.key=1"], "no.such.key"),
    "a key without a value": (["-r", "{good}", "--set", "workers"], "workers"),
    "a value out of range": (["-r", "{good}", "--workers", "-5"], "-5"),
    "a value that is no number": (["-r", "{good}", "--workers", "many"], "many"),
    "a bad filter": (["-r", "{good}", "-f", "tcp prot 25 and"], "filter"),
    "an unknown format": (["-r", "{good}", "--format", "xml"], "xml"),
    "an unknown severity": (["-r", "{good}", "--min-severity", "awful"], "awful"),
    "an unknown severity to fail on": (["-r", "{good}", "--fail-on", "awful"], "awful"),
    "an unknown event": (["-r", "{good}", "--events", "session,rumour"], "rumour"),
    "an unknown output": (["-r", "{good}", "-o", "pigeon:x"], "pigeon"),
    "a missing argument": (["-r"], "-r"),
    "a stray word": (["stray"], "stray"),
    "a missing configuration": (["-c", "{folder}/missing.yaml", "-r", "{good}"], "missing.yaml"),
    "a configuration that is no YAML": (["-c", "{folder}/broken.yaml", "-r", "{good}"], "broken.yaml"),
    "a configuration with an unknown key": (["-c", "{folder}/unknown.yaml", "-r", "{good}"], "2"),
}


def dirty(process):
    """A crash or a sanitizer's report."""
    return process.returncode is None or process.returncode < 0 or b"Sanitizer" in process.stderr or b"runtime error" in process.stderr


def check_refused(checks, name, process, status, word):
    checks.equal(f"{name}: status", process.returncode, status)
    checks.check(f"{name}: no crash", not dirty(process), process.stderr[-300:])
    checks.check(f"{name}: names {word!r}", word.encode() in process.stderr, process.stderr[-300:])
    checks.check(f"{name}: one message, no flood", 0 < process.stderr.count(b"\n") <= 6, process.stderr[-300:])


def sessions(process):
    lines = [json.loads(line) for line in process.stdout.splitlines() if line.startswith(b"{")]
    return [event for event in lines if get(event, "event.dataset") == "mailtls.session"]


def make_files(folder, good):
    """The folder's bad inputs: name -> path."""
    link, frames = pcapio.read(good)
    whole = pcapio.pcap(link, frames)
    contents = {
        "empty.pcap": b"",
        "text.pcap": b"This is a letter, not a capture.\n" * 20,
        "header-only.pcap": whole[:24],
        "cut-header.pcap": whole[:17],
        "cut-record.pcap": whole[:-20],
        "cut-record-header.pcap": whole[: 24 + 9],
        "cut.pcapng": pcapio.pcapng(link, frames)[:-30],
        "cut.pcap.gz": gzip.compress(whole)[:-40],
        "huge-record.pcap": whole[:32] + b"\xff\xff\xff\x7f" * 2 + whole[40:],
        "unknown-link.pcap": pcapio.pcap(147, frames),
        "broken.yaml": b"workers: [1\n  - }\n",
        "unknown.yaml": b"workers: 1\nno_such_key: 2\n",
    }
    for name, data in contents.items():
        pcapio.write(os.path.join(folder, name), data)
    os.mkdir(os.path.join(folder, "nothing"))
    pcapio.write(os.path.join(folder, "nothing", "notes.txt"), b"no capture here\n")


def check_files(checks, program, folder, good):
    count = len(sessions(run(program, "-r", good)))
    checks.check("the good file has sessions", count > 0)
    for name in ("empty.pcap", "text.pcap", "cut-header.pcap", "missing.pcap", "nothing"):
        path = os.path.join(folder, name)
        check_refused(checks, f"only {name}", run(program, "-r", path), FAILED, name)
        both = run(program, "-r", path, good)
        checks.equal(f"{name} beside a good file: status", both.returncode, FAILED)
        checks.equal(f"{name} beside a good file: sessions", len(sessions(both)), count)
        checks.check(f"{name} beside a good file: is named", name.encode() in both.stderr, both.stderr[-300:])
    for name in ("cut-record.pcap", "cut.pcapng", "cut.pcap.gz", "cut-record-header.pcap", "huge-record.pcap"):
        process = run(program, "-r", os.path.join(folder, name))
        check_refused(checks, name, process, FAILED, name)
        if name in ("cut-record.pcap", "cut.pcapng"):
            checks.equal(f"{name}: what was read is reported", len(sessions(process)), count)
    process = run(program, "-r", os.path.join(folder, "header-only.pcap"))
    checks.equal("a capture without frames: status", process.returncode, 0)
    checks.equal("a capture without frames: sessions", len(sessions(process)), 0)
    process = run(program, "-r", os.path.join(folder, "unknown-link.pcap"))
    checks.check("an unknown link type is no crash", process.returncode in (0, FAILED) and not dirty(process), process.stderr[-300:])
    with open(good, "rb") as file:
        data = file.read()
    checks.equal("standard input: sessions", len(sessions(run(program, "-r", "-", stdin=data))), count)
    empty = run(program, "-r", "-", stdin=b"")
    checks.equal("empty standard input: status", empty.returncode, FAILED)


def check_selection(checks, program, good):
    for dataset in ("session", "finding", "certificate", "stats"):
        found = events(checks, f"--events {dataset}", run(program, "-r", good, "--events", dataset))
        datasets = {get(event, "event.dataset") for event in found}
        checks.check(f"--events {dataset}: nothing else", datasets <= {"mailtls." + dataset}, str(datasets))
    none = run(program, "-r", good, "-f", "udp port 53")
    checks.equal("a filter that fits nothing: sessions", len(sessions(none)), 0)
    checks.equal("a filter that fits nothing: status", none.returncode, 0)
    same = run(program, "-r", good, "-f", "tcp")
    checks.equal("a filter that fits all", len(sessions(same)), len(sessions(run(program, "-r", good))))


def check_words(checks, program, good, captures):
    for word in ("--help", "--version"):
        process = run(program, word)
        checks.equal(f"{word}: status", process.returncode, 0)
        checks.check(f"{word}: on standard output", b"starttap" in process.stdout and not process.stderr, process.stderr[-200:])
    for option in ("-r", "-i", "-f", "-c", "-o", "--format", "--events", "--workers", "--fail-on", "--set"):
        checks.check(f"--help knows {option}", option.encode() in run(program, "--help").stdout)
    checks.equal("nothing to do: status", run(program).returncode, USAGE)
    checks.equal("-T: status", run(program, "-T").returncode, 0)
    for words in ["-T"], ["-r", good]:  # what a run would refuse the check refuses, alike
        for key in "ca_bundle", "ca_extra", "ca_national":
            process = run(program, *words, "--set", f"x509.{key}=/no/such/file")
            checks.equal(f"{words[0]}, {key} is not there", (process.returncode, process.stdout), (USAGE, b""))
            checks.check(f"{words[0]}, {key}: it is named", b"/no/such/file: No such file" in process.stderr, process.stderr)
    severe = next(path for path in captures if "login-clear" in path)
    found = run(program, "-r", severe, "--events", "finding", "--min-severity", "low").stdout.count(b"\n")
    checks.equal(f"--fail-on low, with {found} findings", run(program, "-r", severe, "--fail-on", "low").returncode, FOUND if found else 0)
    healthy = next(path for path in captures if "tls13" in path)
    checks.equal("--fail-on critical, without", run(program, "-r", healthy, "--fail-on", "critical").returncode, 0)


def check_outputs(checks, program, folder, good):
    want = run(program, "-r", good).stdout
    path = os.path.join(folder, "out.jsonl")
    process = run(program, "-r", good, "-o", "file:" + path)
    checks.check("-o file: writes it", os.path.exists(path) and open(path, "rb").read() == want)
    checks.equal("-o file: and not to standard output", process.stdout, b"")
    process = run(program, "-r", good, "-o", "file:" + os.path.join(folder, "no", "such", "folder"))
    checks.check("-o into no folder: status", process.returncode in (FAILED, USAGE) and b"folder" in process.stderr, process.stderr[-200:])
    with open("/dev/full", "wb") as full:
        process = subprocess.run([program, "-r", good], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    checks.equal("/dev/full: status", process.returncode, FAILED)
    checks.check("/dev/full: a message", 0 < process.stderr.count(b"\n") <= 4 and not dirty(process), process.stderr[-300:])


def check_closed_pipe(checks, program, folder, good):
    """More output than a pipe holds, to a reader that goes away after one byte."""
    link, frames = pcapio.read(good)
    many = [os.path.join(folder, f"many-{i}.pcap") for i in range(300)]
    data = cut.VARIANTS["plain"].apply(link, frames)
    for path in many:
        pcapio.write(path, data)
    process = subprocess.Popen([program, "-r", *many], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(1)
    process.stdout.close()
    try:
        errors = process.stderr.read()
        status = process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        status, errors = None, b""
    checks.check("a closed pipe: ends by itself", status in (0, FAILED, -13), f"{status} {errors[-300:]!r}")
    checks.check("a closed pipe: no flood of messages", errors.count(b"\n") <= 4, errors[-300:])
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", program, "-r", good], stderr=subprocess.PIPE, timeout=60, check=False)
    checks.check("no standard output at all: no crash", closed.returncode in (0, FAILED), f"{closed.returncode} {closed.stderr[-300:]!r}")


def main():
    options = arguments(__doc__)
    checks = Checks()
    good = next(path for path in options.captures if "starttls-tls12" in path)
    with tempfile.TemporaryDirectory() as folder:
        make_files(folder, good)
        for name, (words, word) in BAD_USAGE.items():
            process = run(options.program, *[text.format(good=good, folder=folder) for text in words])
            check_refused(checks, name, process, USAGE, word)
            checks.equal(f"{name}: no output", process.stdout, b"")
        check_words(checks, options.program, good, options.captures)
        check_files(checks, options.program, folder, good)
        check_selection(checks, options.program, good)
        check_outputs(checks, options.program, folder, good)
        check_closed_pipe(checks, options.program, folder, good)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

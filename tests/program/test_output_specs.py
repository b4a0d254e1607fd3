#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""-o and the key `outputs`: the grammar, what is refused and how, filters and formats of each output, rotation, and an output
that is loaded."""
import json
import os
import re
import subprocess
import sys
import tempfile

import harness
from harness import Checks, arguments, run

DONE, FAILED, USAGE = 0, 1, 2
HERE = os.path.join(harness.root, "tests", "plugin")

# specification: words of the one line that is said
REFUSED = {
    "": ["there is no output"],
    "fil:x": ["fil:", "did you mean file:?"],
    "out.json": ["did you mean file:out.json?"],
    "file:": ["wanted is file:PATH"],
    "file": ["wanted is"],
    "-:x": ["nothing stands behind"],
    "-?a=b": ["standard output has no option"],
    "file:x?fromat=cef": ["fromat", "did you mean format?"],
    "file:x?format=cfe": ["format", "cfe", "did you mean cef?"],
    "file:x?events=session,findin": ["findin", "did you mean finding?"],
    "file:x?events=": ["events"],
    "file:x?min_severity=hihg": ["min_severity", "did you mean high?"],
    "file:x?rotate_siz=1MiB": ["did you mean rotate_size?"],
    "file:x?rotate_size=much": ["rotate_size", "much", "100MiB"],
    "file:x?rotate_keep=3": ["rotate_keep needs"],
    "file:x?rotate_size=1&rotate_size=2": ["rotate_size is given twice"],
    "file:x?spool_size=1KiB": ["spool_size", "1KiB"],
    "file:x?what": ["what", "%3F"],
    "file:x?format=%00": ["byte 0"],
    "plugin:pigeon:x": ["pigeon", "--plugin"],
    "plugin:nobody:redis://user:CANARY-secret@host/": ["nobody:redis://host/"],
    "file:x\n\x1b[31m?a": ["\N{REPLACEMENT CHARACTER}"],
}


def said(checks, name, process, words):
    text = process.stderr.decode()
    checks.equal(f"{name}: status", process.returncode, USAGE)
    checks.equal(f"{name}: one line", text.count("\n"), 1)
    checks.check(f"{name}: {words}", all(word in text for word in words), text)
    checks.check(f"{name}: clean", "\x1b" not in text and "CANARY" not in text, text)


def check_refused(checks, program, good):
    for spec, words in REFUSED.items():
        said(checks, f"-o {spec!r}", run(program, "-T", "-o", spec), words)
        if spec:
            said(checks, f"-o {spec!r} in a run", run(program, "-r", good, "-o", spec), words)
    said(checks, "--set outputs", run(program, "-T", "--set", "outputs=-;fil:x"), ["--set: outputs", "did you mean file:?"])
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        config.write('outputs:\n  - "-"\n  - "file:x?fromat=ecs"\n')
        config.flush()
        said(checks, "outputs in a file", run(program, "-T", "-c", config.name), [config.name + ":3:5", "did you mean format?"])


def read(path):
    with open(path, "rb") as file:
        return file.read()


def check_selection(checks, program, folder, captures):
    every = run(program, "-q", "-r", *captures).stdout.splitlines()
    events = [json.loads(line) for line in every]
    a, b, c = (os.path.join(folder, name) for name in ("a?1", "b", "c"))
    process = run(program, "-q", "-r", *captures, "-o", f"file:{folder}/a%3F1?events=session,stats",
                  "-o", f"file:{b}?events=finding&min_severity=high", "-o", f"file:{c}?format=cef", "-o", "-")
    checks.equal("several outputs: status", process.returncode, DONE)
    checks.equal("-: all", process.stdout.splitlines(), every)
    wanted = [line for line, event in zip(every, events) if event["event"]["dataset"] in ("mailtls.session", "mailtls.stats")]
    checks.equal("events=session,stats", read(a).splitlines(), wanted)
    wanted = [line for line, event in zip(every, events) if event["event"]["dataset"] == "mailtls.finding" and event["event"]["severity"] >= 70]
    checks.equal(f"min_severity=high: {len(wanted)}", read(b).splitlines(), wanted)
    checks.check("there are some", len(wanted) > 0)
    checks.check("format=cef", all(line.startswith(b"CEF:0|") for line in read(c).splitlines()))
    lower = run(program, "-q", "-r", *captures, "--min-severity", "high", "-o", f"-?min_severity=low")
    checks.equal("an output may want more than --min-severity", lower.stdout.splitlines(), every)
    configured = run(program, "-q", "-r", *captures, "--set", f"outputs=-?events=stats; file:{folder}/d")
    checks.equal("the key outputs", (configured.stdout.splitlines(), read(os.path.join(folder, "d")).splitlines()), (every[-1:], every))
    over = run(program, "-q", "-r", *captures, "--set", f"outputs=file:{folder}/e", "-o", "-")
    checks.check("-o replaces it", over.stdout.splitlines() == every and not os.path.exists(os.path.join(folder, "e")))
    short = run(program, "-q", "-r", *captures, "-o", "-?max_bytes=1500").stdout.splitlines()
    checks.equal("max_bytes: none is missing", len(short), len(every))
    checks.check("max_bytes: none is longer", max(map(len, short)) <= 1500 < max(map(len, every)))


def check_rotation(checks, program, folder, captures):
    whole = run(program, "-q", "-r", *captures).stdout
    inside = os.path.join(folder, "rotated")
    os.mkdir(inside)
    path = os.path.join(inside, "events")
    size = len(whole) // 7
    run(program, "-q", "-r", *captures, "-o", f"file:{path}?rotate_size={size}")
    names = sorted(os.listdir(inside))
    aside = [name for name in names if re.fullmatch(r"events\.\d{8}T\d{6}\.\d{6}Z", name)]
    checks.check("rotate_size: names", len(aside) >= 6 and len(aside) == len(names) - 1, names)
    parts = [read(os.path.join(inside, name)) for name in aside] + [read(path)]
    checks.check("rotate_size: nothing is lost, in the order of names", b"".join(parts) == whole)
    checks.check("rotate_size: no line is split", all(part.endswith(b"\n") for part in parts if part))
    checks.check("rotate_size: none is larger", all(len(part) <= size for part in parts), [len(part) for part in parts])
    open(os.path.join(inside, "events.mine"), "w").close()
    run(program, "-q", "-r", *captures, "-o", f"file:{path}?rotate_size={size}&rotate_keep=2")
    left = [name for name in sorted(os.listdir(inside)) if name not in ("events", "events.mine")]
    checks.check("rotate_keep: the newest stay", len(left) == 2 and left[0] > aside[-1], left)
    checks.check("rotate_keep: what is not ours stays", os.path.exists(os.path.join(inside, "events.mine")))

    old = os.path.join(inside, "old")
    with open(old, "w") as file:
        file.write('{"cut":')
    os.utime(old, (10**9, 10**9))
    run(program, "-q", "-r", *captures, "-o", f"file:{old}?rotate_interval=1h")
    aside = [name for name in os.listdir(inside) if name.startswith("old.")]
    checks.check("rotate_interval: what is from another hour is put aside", len(aside) == 1 and read(old) == whole, aside)
    with open(old, "w") as file:
        file.write('{"cut":')
    run(program, "-q", "-r", *captures, "-o", f"file:{old}")
    checks.check("a line that somebody left halfway is ended", read(old) == b'{"cut":\n' + whole)


def check_loaded(checks, program, folder, good):
    subprocess.run(["cmake", "--install", os.path.dirname(program), "--prefix", folder], check=True, stdout=subprocess.DEVNULL)
    words = [os.environ.get("CC", "cc"), "-std=c17", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-fPIC", "-shared",
             "-I", os.path.join(folder, "include")]
    source, library = os.path.join(HERE, "lines_out.c"), os.path.join(folder, "lines.so")
    subprocess.run([*words, "-o", library, source], check=True)
    want = run(program, "-q", "-r", good).stdout.decode().splitlines()
    path = os.path.join(folder, "lines")
    process = run(program, "-q", "-r", good, "--plugin", library, "-o", "plugin:lines:" + path)
    checks.equal("a loaded output: status", (process.returncode, process.stderr), (DONE, b""))
    lines = read(path).decode().splitlines()
    arrived = [json.loads(line.split(" ", 5)[5]) for line in lines]
    checks.equal("a loaded output: it is in the statistics", [o["kind"] for o in arrived[-1]["mailtls"]["stats"].pop("outputs")], ["lines"])
    checks.equal("a loaded output: what it got", arrived, [json.loads(line) for line in want])
    keys = {harness.get(json.loads(line), "network.community_id") for line in want}
    for line, event in zip(lines, map(json.loads, want)):
        got = line.split(" ", 5)
        checks.equal("id and severity", (got[0], int(got[3])), (event["event"]["id"], event["event"].get("severity", 0)))
        own = harness.get(event, "network.community_id")  # a certificate's event does not show it
        checks.check("key", got[1] == own if own else got[1] in keys or event["event"]["dataset"] == "mailtls.stats", got[1])
    said(checks, "its check()", run(program, "-T", "--plugin", library, "-o", "plugin:lines:"), ["a file is wanted"])
    said(checks, "an option it does not know", run(program, "-T", "--plugin", library, "-o", "plugin:lines:x?obay=1"), ["obay"])
    other = os.path.join(folder, "other.so")
    subprocess.run([*words, "-include", "starttap/output.h", "-o", other, "-x", "c", "-"], check=True,
                   input=b"STARTTAP_OUTPUT_EXPORT(x) { static const struct starttap_output o = { .abi = 99, .size = sizeof o, .kind = \"x\" }; return &o; }\n")
    said(checks, "another ABI", run(program, "-T", "--plugin", other), ["ABI 99"])


def main():
    options = arguments(__doc__)
    checks = Checks()
    good = next(path for path in options.captures if "starttls-tls12" in path)
    with tempfile.TemporaryDirectory() as folder:
        check_refused(checks, options.program, good)
        check_selection(checks, options.program, folder, options.captures)
        check_rotation(checks, options.program, folder, options.captures)
        check_loaded(checks, options.program, folder, good)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every capture of samples/ gives exactly tests/golden/NAME.jsonl and, with --format text, NAME.txt.

UPDATE_GOLDEN=1 rewrites them, and the column "starttap says" of samples/README.md; the difference is then reviewed like code.
"""
import difflib
import os
import sys

from harness import Checks, arguments, name_of, root, run, samples, trust

sys.path.insert(0, os.path.join(root, "samples"))
import gallery  # noqa: E402

GOLDEN = os.path.join(root, "tests", "golden")
FORMS = {".jsonl": [], ".txt": ["--format", "text"]}


def first_difference(want, got):
    texts = [text.decode(errors="replace").splitlines() for text in (want, got)]
    lines = difflib.unified_diff(*texts, "golden", "now", n=0, lineterm="")
    return "\n  " + "\n  ".join(line[:400] for line in list(lines)[:8])


def main():
    options = arguments(__doc__, every=True)
    checks = Checks()
    update = os.environ.get("UPDATE_GOLDEN") == "1"
    for capture in options.captures:
        base = name_of(capture)
        for ending, words in FORMS.items():
            path = os.path.join(GOLDEN, base + ending)
            process = run(options.program, "-r", os.path.relpath(capture, root), *trust(capture), *words)
            checks.check(f"{base}{ending}: status", process.returncode == 0, f"{process.returncode} {process.stderr[-300:]!r}")
            if update:
                with open(path, "wb") as file:
                    file.write(process.stdout)
            want = open(path, "rb").read() if os.path.exists(path) else b"(no such file; UPDATE_GOLDEN=1 makes it)"
            checks.check(f"{base}{ending}", process.stdout == want, first_difference(want, process.stdout))
    if options.captures == samples():
        bases = {name_of(capture) for capture in options.captures}
        stale = [name for name in os.listdir(GOLDEN) if os.path.splitext(name)[0] not in bases and name[0] != "."]
        checks.check("tests/golden has no file without a sample", not stale, ", ".join(stale))
    if update:
        gallery.rewrite(options.program)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

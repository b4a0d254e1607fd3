#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Deletes each row of each transition table of src/mail in turn, in a scratch copy, and expects the
transcripts to fail: a row is there because a test fails without it. Takes minutes, so it is not
part of the quick suite:

    tests/tools/delete_table_rows.py [--only smtp.c]
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROW = re.compile(r"^    \{ (ANY_STATE|IN\(STATE_\w+\)),? .*VERB_\w+,.*\},")
TABLES = ["smtp.c", "pop3.c", "imap.c", "sieve.c"]


def run(arguments, folder):
    done = subprocess.run(arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def build(scratch):
    return run(["cmake", "--build", "scratch", "--target", "test_transcripts"], scratch)


def passes(scratch):
    program = next(p for p in (scratch / "scratch").rglob("test_transcripts") if p.is_file())
    return run([str(program)], scratch)[0] == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="one file of src/mail")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    uncovered, rows = [], 0

    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder) / "copy"
        shutil.copytree(root, scratch, ignore=shutil.ignore_patterns("build", ".git", "node_modules"))
        for step in (["cmake", "-S", ".", "-B", "scratch", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug"],):
            code, output = run(step, scratch)
            if code != 0:
                sys.exit(output)
        code, output = build(scratch)
        if code != 0 or not passes(scratch):
            sys.exit(output + "\nthe transcripts fail before any row is deleted")

        for name in [options.only] if options.only else TABLES:
            path = scratch / "src" / "mail" / name
            whole = path.read_text()
            lines = whole.splitlines(keepends=True)
            for number, line in enumerate(lines):
                if not ROW.match(line):
                    continue
                rows += 1
                # Emptied, not removed: a row of no states never fits, and its action stays used.
                path.write_text("".join(lines[:number]) + re.sub(ROW_STATES, "    { 0,", line, count=1)
                                + "".join(lines[number + 1:]))
                code, output = build(scratch)
                if code != 0:
                    sys.exit(output)
                if passes(scratch):
                    uncovered.append(f"src/mail/{name}:{number + 1}: {line.strip()}")
                    print(uncovered[-1], flush=True)
            path.write_text(whole)
    print(f"{rows} rows, {len(uncovered)} without a test")
    return 1 if uncovered or rows == 0 else 0


ROW_STATES = re.compile(r"^    \{ (ANY_STATE|IN\(STATE_\w+\)),")

if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""What README.md and TUTORIAL.md show is what the program prints: each line "$ build/release/starttap ..." in a code block is run,
and what stands below it compared. UPDATE_README=1 writes it anew."""
import os
import re
import shutil
import subprocess

import harness

PAGES = ["README.md", "TUTORIAL.md", "samples/README.md"]
COMMAND = "$ build/release/starttap"


def shown(program, line):
    command = line[2:].replace("build/release/starttap", program)
    done = subprocess.run(["bash", "-c", command], cwd=harness.root, capture_output=True, text=True, timeout=harness.TIMEOUT,
                          env={**os.environ, "LC_ALL": "C", "TZ": "UTC", "NO_COLOR": "1"})
    return done.stdout


def check_page(checks, program, name):
    path = os.path.join(harness.root, name)
    with open(path, encoding="utf-8") as f:
        page = f.read()
    parts = re.split(r"(?m)^(```.*\n)", page)
    new = []
    for part in parts:
        first, _, rest = part.partition("\n")
        if not first.startswith(COMMAND):
            new.append(part)
            continue
        if "| jq" in first and not shutil.which("jq"):
            print(f"skipped, jq is not installed: {name}: {first}")
            new.append(part)
            continue
        want = shown(program, first)
        if not os.environ.get("UPDATE_README"):
            checks.check(f"{name}: {first}", rest == want, f"shown {rest[:300]!r}, printed {want[:300]!r}")
        new.append(first + "\n" + want)
    if os.environ.get("UPDATE_README") and "".join(new) != page:
        with open(path, "w", encoding="utf-8") as f:
            f.write("".join(new))
    return sum(part.startswith(COMMAND) for part in parts)


def main():
    options = harness.arguments(__doc__)
    checks = harness.Checks()
    found = sum(check_page(checks, options.program, name) for name in PAGES)
    checks.check("there are commands to run", found >= 2, found)
    return checks.finish()


if __name__ == "__main__":
    raise SystemExit(main())

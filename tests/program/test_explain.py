#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`starttap explain`: the list, each rule's text, unknown ids, other texts by lists.dir, and FINDINGS.md, which is made of
the same data: UPDATE_FINDINGS=1 writes it anew.
"""
import os
import re
import sys
import tempfile

from harness import Checks, arguments, root, run

PAGE = os.path.join(root, "FINDINGS.md")
TEXTS = os.path.join(root, "src", "data", "findings")
TITLES = {"severity": "Severity", "when": "When", "not_when": "Not when", "explain": "What it says", "fix": "What to do", "references": "References"}
SECTION = re.compile(r"^\[([a-z0-9._]+)\]$", re.M)


def written():
    """rule id -> its fields, as the files say."""
    found = {}
    for name in sorted(os.listdir(TEXTS)):
        if name.endswith(".txt"):
            with open(os.path.join(TEXTS, name), encoding="utf-8") as file:
                parts = SECTION.split(file.read())
            for rule, body in zip(parts[1::2], parts[2::2]):
                found[rule] = {field: value.strip() for field, value in re.findall(r"^([a-z_]+): *(.*)$", body, re.M)}
    return found


def check_list(checks, program, names):
    process = run(program, "explain")
    checks.equal("explain: status", process.returncode, 0)
    rows = [line.split(None, 1) for line in process.stdout.decode().splitlines()]
    checks.equal("explain: every rule, in order, with its name", rows, [[rule, names[rule]["name"]] for rule in sorted(names)])


def check_rules(checks, program, names):
    for rule, fields in names.items():
        process = run(program, "explain", rule)
        text = process.stdout.decode()
        checks.equal(f"explain {rule}: status", process.returncode, 0)
        checks.equal(f"explain {rule}: first line", text.splitlines()[0], rule)
        checks.check(f"explain {rule}: its name", fields["name"] in " ".join(text.split()), text[:200])
        for field, title in TITLES.items():
            checks.equal(f"explain {rule}: {title}", f"\n{title}\n  " in text, fields.get(field) != "-")
        checks.check(f"explain {rule}: no braces left", not re.search(r"\{[a-z_]+\}|\[\[|\]\]", text), text)
        wide = [line for line in text.splitlines() if len(line.encode()) > 79 and " " in line.strip()]
        checks.check(f"explain {rule}: fits a terminal", not wide, wide[:1])
    one, other = sorted(names)[:2]
    both = run(program, "explain", one, other).stdout
    checks.equal("explain of two", both, run(program, "explain", one).stdout + b"\n" + run(program, "explain", other).stdout)


def check_unknown(checks, program, names):
    for word in sorted(names)[:20]:
        wrong = word[:-1] + ("x" if word[-1] != "x" else "y")
        if wrong in names:
            continue
        process = run(program, "explain", wrong)
        checks.equal(f"explain {wrong}: status", process.returncode, 2)
        checks.equal(f"explain {wrong}: prints nothing", process.stdout, b"")
        checks.check(f"explain {wrong}: names it", f'"{wrong}"; did you mean '.encode() in process.stderr, process.stderr)
    process = run(program, "explain", "starttls.not_oferred")
    checks.check("explain: the nearest one", b"did you mean starttls.not_offered?" in process.stderr, process.stderr)
    process = run(program, "explain", "a\x1b[31mb")
    checks.check("explain: what was typed is cleaned", b"\x1b" not in process.stderr and process.returncode == 2, process.stderr)


def check_replaced(checks, program, names):
    """Texts in another language, from lists.dir."""
    name = sorted(name for name in os.listdir(TEXTS) if name.endswith(".txt"))[0]
    with open(os.path.join(TEXTS, name), encoding="utf-8") as file:
        text = file.read()
    rule = SECTION.search(text).group(1)
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "findings"))
        path = os.path.join(folder, "findings", name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(names[rule]["name"], "Ein anderer Name für äöü"))
        process = run(program, "explain", rule, "--set", f"lists.dir={folder}")
        checks.check("lists.dir: its texts", "Ein anderer Name für äöü".encode() in process.stdout, process.stderr)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + text[SECTION.search(text).start() :])
        process = run(program, "explain", rule, "--set", f"lists.dir={folder}")
        checks.check("lists.dir: a section twice is named", f"[{rule}] is there twice".encode() in process.stderr, process.stderr)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "colour: red\n")
        process = run(program, "explain", rule, "--set", f"lists.dir={folder}")
        line = text.count("\n") + 1
        checks.check("lists.dir: a mistake is named", f"{name}:{line}: ".encode() in process.stderr, process.stderr)
        checks.equal("lists.dir: a mistake ends it", process.returncode, 2)


def check_page(checks, program, names):
    page = run(program, "explain", "markdown").stdout
    if os.environ.get("UPDATE_FINDINGS"):
        with open(PAGE, "wb") as file:
            file.write(page)
    kept = b""
    if os.path.exists(PAGE):
        with open(PAGE, "rb") as file:
            kept = file.read()
    checks.check("FINDINGS.md is what the texts say", kept == page, "UPDATE_FINDINGS=1 tests/program/test_explain.py writes it anew")
    for rule in names:
        checks.check(f"FINDINGS.md has {rule}", f"\n### {rule}\n".encode() in page)


def main():
    options = arguments(__doc__)
    checks = Checks()
    names = written()
    check_list(checks, options.program, names)
    check_rules(checks, options.program, names)
    check_unknown(checks, options.program, names)
    check_replaced(checks, options.program, names)
    check_page(checks, options.program, names)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""README.md as a table of samples: one row a capture, read and written by tests and by `fresh`."""
import json
import re
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
README = FOLDER / "README.md"
COLUMNS = ("name", "happened", "says", "learn", "filter", "software", "scenario")
MADE_HERE = "samples/make"
CELL = re.compile(r"(?<!\\)\|")


def cells(line):
    """The cells of a line of a table, or nothing: the head and the rule below it are no rows."""
    if not line.startswith("| `"):
        return None
    found = [cell.strip() for cell in CELL.split(line.strip())[1:-1]]
    return found if len(found) == len(COLUMNS) else None


def rows():
    out = []
    for line in README.read_text(encoding="utf-8").splitlines():
        found = cells(line)
        if found:
            row = dict(zip(COLUMNS, found))
            row["name"], row["filter"], row["scenario"] = row["name"].strip("`"), row["filter"].strip("`"), row["scenario"].strip("`")
            out.append(row)
    return out


def capture(name):
    return next(iter(sorted(FOLDER.glob(name + ".pcap*"))), None)


def bundle(row):
    """What stands for the public authorities: the lab's own, but those of samples/make have one that nobody knows."""
    return FOLDER / "ca.pem" if row["scenario"] != MADE_HERE else ROOT / "tests/unit/x509/data/other_root.pem"


def said(program, path, ca):
    """(verdicts, rule ids) of a capture, each sorted."""
    words = [str(program), "-r", str(path), "-q", "--events", "session,finding", "--set", f"x509.ca_bundle={ca}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    verdicts = {event["mailtls"]["verdict"] for event in events if event["event"]["dataset"] == "mailtls.session"}
    return sorted(verdicts), sorted({event["rule"]["id"] for event in events if "rule" in event})


def words(verdicts, rules):
    """The cell that tells it."""
    return ", ".join(verdicts) + (": " + " ".join(f"`{rule}`" for rule in rules) if rules else "")


def rewrite(program):
    """Writes anew what starttap says of each capture."""
    out = []
    by_name = {row["name"]: row for row in rows()}
    for line in README.read_text(encoding="utf-8").splitlines(keepends=True):
        found = cells(line)
        if found:
            row = by_name[found[0].strip("`")]
            found[COLUMNS.index("says")] = words(*said(program, capture(row["name"]), bundle(row)))
            line = "| " + " | ".join(found) + " |\n"
        out.append(line)
    README.write_text("".join(out), encoding="utf-8")

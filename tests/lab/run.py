#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records scenarios: real servers and clients in network namespaces, a capture at each tap asked for.

Leaves DIR/NAME/TAP.pcap, key logs, what the clients said, and DIR/README.md; namespaces and processes are gone when
it ends, also when it is interrupted. Needs root. Installs nothing unless told to.
"""
import argparse
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import canaries
import listing
import packages
import recorder
import records
import scenario as scenarios
import spaces
import watch
from pki import Pki

HERE = Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(prog="tests/lab/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="names of scenarios/*.toml (default: see --all)")
    parser.add_argument("--all", action="store_true", help="all scenarios (the default when none is named)")
    parser.add_argument("--short", action="store_true", help="the short set")
    parser.add_argument("--out", type=Path, default=HERE / "out", metavar="DIR", help="where recordings go (default: out)")
    parser.add_argument("--pki", type=Path, default=HERE / "pki", metavar="DIR",
                        help="certificates; made if missing (default: pki)")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), metavar="N", help="scenarios at a time")
    parser.add_argument("--install", action="store_true", help="install the Debian packages that are missing, first (tests/lab/install)")
    parser.add_argument("--live", type=Path, nargs="?", const=records.PROGRAM, metavar="PROGRAM",
                        help="starttap watches the taps meanwhile (default: build/release/starttap); see compare_live")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="its --workers (default: 4)")
    parser.add_argument("--keep", action="store_true", help="keep the servers' folders and logs of failed scenarios")
    parser.add_argument("--list", action="store_true", help="names and what they show, and no more")
    return parser.parse_args()


def prepare(options):
    if os.geteuid() != 0:
        sys.exit("tests/lab/run needs root: it makes network namespaces and starts mail servers in them")
    install, unpack = packages.missing()
    if install or unpack:
        sys.exit(f"missing: {' '.join(install + unpack)}; tests/lab/install gets them")
    spaces.remove_leftovers()
    pki = Pki(options.pki.resolve())
    pki.make()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in "ca.pem", "intermediate.pem":
        shutil.copy(pki.folder / name, options.out / name)
    (options.out / "CANARIES.txt").write_text(canaries.listing())
    return pki


def record(task):
    """One scenario in a folder of its own, moved into place when it is complete."""
    number, scenario, options, pki, halt = task
    if halt.is_set():
        return scenario, "interrupted", 0
    started = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=f"{spaces.PREFIX}-{os.getpid()}-{number}-", dir="/tmp"))
    work.chmod(0o755)
    problem = ""
    try:
        folder = work / "recording"
        folder.mkdir()
        watcher = watch.Watch(options.live, options.workers, options.out.resolve()) if options.live else None
        recorder.record(scenario, number, work, folder, pki, halt, watcher)
        target = options.out / scenario.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(folder, target)
    except spaces.LeftOut as error:
        problem = f"left out: {error}"
    except Exception as error:  # whatever went wrong with one scenario, the others are recorded
        problem = "interrupted" if halt.is_set() else f"{type(error).__name__}: {error}"
    finally:
        if options.keep and problem:
            print(f"kept: {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)
    return scenario, problem, time.monotonic() - started


def main():
    options = arguments()
    try:
        wanted = scenarios.load_all(options.scenarios, options.short)
    except scenarios.BadScenario as error:
        sys.exit(str(error))
    if options.list:
        for scenario in wanted:
            print(f"{scenario.name:44} {'short  ' if scenario.short else '       '}{scenario.shows}")
        return 0
    pki = prepare(options)
    halt, started, failed, left_out = threading.Event(), time.monotonic(), [], 0

    def interrupted(*_):
        halt.set()
        spaces.Spaces.end_clients()

    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, interrupted)
    tasks = [(number, scenario, options, pki, halt) for number, scenario in enumerate(wanted)]
    with ThreadPoolExecutor(options.jobs) as pool:
        for scenario, problem, seconds in pool.map(record, tasks):
            print(f"{scenario.name:44} {seconds:5.1f} s  {problem or 'recorded'}", flush=True)
            if problem.startswith("left out"):
                left_out += 1
            elif problem:
                failed.append(scenario.name)
    listing.write(options.out)
    print(f"{len(wanted) - len(failed) - left_out} recorded, {left_out} left out, {len(failed)} not"
          f"{': ' if failed else ''}{' '.join(failed)}, {time.monotonic() - started:.0f} s")
    return 130 if halt.is_set() else bool(failed)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py: what the program costs, as a multiple of an empty libpcap loop over the same file (README.md).

    run.py [--megabytes N] [--runs N] [--workload NAME...] [--build DIR] [--callgrind]

Workloads are generated into a temporary folder (TMPDIR, else /dev/shm: reading a disk is not what is measured), both
programs run in turn, and medians of CPU seconds (user and system) are compared. Only ratios of one run count.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
sys.path.insert(0, os.path.join(root, "tests", "program"))
import harness  # noqa: E402
WORKLOADS = ("handshakes", "bulk", "mix", "dialogue", "events")


def cost(words, out):
    """(CPU seconds, peak KiB) of one run."""
    with open(out, "wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(words)}: status {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def instructions(words):
    """Instructions as valgrind's callgrind counts them."""
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *words]
    process = subprocess.run(words, capture_output=True, text=True, check=False)
    line = next((line for line in process.stderr.splitlines() if "Collected" in line), None)
    if line is None:
        sys.exit("valgrind: " + process.stderr[-300:])
    return int(line.split(":")[1])


def sessions(path):
    with open(path, "rb") as file:
        return sum(b'"mailtls.session"' in line for line in file)


def generate(options, workload, path):
    words = [os.path.join(options.build, "tests", "bench", "bench_generate"), workload, str(options.megabytes), str(options.seed)]
    with open(path, "wb") as file:
        done = subprocess.run(words + samples(), stdout=file, stderr=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stderr)


def samples():
    """The first fifteen: with others, figures could not be compared with those of before."""
    return [path for path in sorted(glob.glob(os.path.join(root, "samples", "*.pcap"))) if harness.name_of(path) in harness.FIRST]


def build(folder):
    targets = ["starttap", "bench_generate", "bench_empty_pcap_loop", "bench_events"]
    done = subprocess.run(["cmake", "--build", folder, "--target", *targets], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout[-2000:])


def measure(options, folder, workload):
    path, out = os.path.join(folder, "in.pcap"), os.path.join(folder, "out.jsonl")
    made = generate(options, workload, path)
    ours = [os.path.join(options.build, "starttap"), "-r", path, "--workers", str(options.workers)]
    empty = [os.path.join(options.build, "tests", "bench", "bench_empty_pcap_loop"), path]
    if options.callgrind:
        mine, floor = instructions(ours), instructions(empty)
        print(f"{workload:11} {made['frames']:9} frames   {mine / made['frames']:8.0f} instructions a frame, loop {floor / made['frames']:6.0f}   ratio {mine / floor:5.2f}")
        return
    runs = {"ours": [], "empty": []}
    for _ in range(options.runs):
        runs["empty"].append(cost(empty, out)[0])
        seconds, peak = cost(ours, out)
        runs["ours"].append(seconds)
    found = sessions(out)
    mine, floor = statistics.median(runs["ours"]), statistics.median(runs["empty"])
    each = (mine - floor) / max(made["mail"], 1) * 1e6
    print(
        f"{workload:11} {made['frames']:9} frames {made['bytes'] / 1e6:7.0f} MB {made['mail']:8} mail sessions"
        f"   ours {mine:6.2f} s ({mine / made['frames'] * 1e9:5.0f} ns a frame)  loop {floor:5.2f} s   ratio {mine / floor:5.2f}"
        f"   {each:6.1f} us a session   {peak / 1024:5.0f} MiB",
        flush=True,
    )
    if found != made["mail"]:
        print(f"{workload:11} MISSED: {found} session records for {made['mail']} mail sessions")


def measure_events(options):
    """Records of samples made into lines of ECS again and again, beside json-c's own trees of the same events."""
    words = [os.path.join(options.build, "tests", "bench", "bench_events")]
    if options.callgrind:
        few, more = (instructions([*words, str(n), *samples(), "only"]) for n in (100, 200))
        out = subprocess.run([*words, "100", *samples(), "only"], capture_output=True, text=True, check=True).stdout.split()
        print(f"events      {(more - few) / int(out[1]):8.0f} instructions a session event of {int(out[3]) / int(out[1]):.0f} bytes")
        return
    ours, tree = [], []
    for _ in range(options.runs):
        out = subprocess.run([*words, "2000", *samples()], capture_output=True, text=True, check=True).stdout.split()
        events, size = int(out[1]), int(out[3]) / int(out[1])
        ours.append(events / float(out[5]))
        tree.append(events / float(out[7]))
    mine, theirs = statistics.median(ours), statistics.median(tree)
    print(f"events      {mine:9.0f} session events a second on one core, {size:.0f} bytes each ({mine * size / 1e6:.0f} MB/s)   json-c's trees {theirs:.0f}   ratio {mine / theirs:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--workload", action="append", choices=WORKLOADS)
    parser.add_argument("--build", default=os.path.join(root, "build", "release"))
    parser.add_argument("--callgrind", action="store_true", help="count instructions instead; use few megabytes")
    options = parser.parse_args()
    build(options.build)
    place = os.environ.get("TMPDIR") or ("/dev/shm" if os.path.isdir("/dev/shm") else None)
    with tempfile.TemporaryDirectory(dir=place) as folder:
        for workload in options.workload or WORKLOADS:
            if workload == "events":
                measure_events(options)
            else:
                measure(options, folder, workload)
    return 0


if __name__ == "__main__":
    sys.exit(main())

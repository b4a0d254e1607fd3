#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cut, order and wrapping do not matter (design, invariant 2), and what is missing only makes a record say less (3).

Each capture is analysed as it is and as every variant that tests/tools/cut.py makes of it. `same` variants must give the
same records but for what the invariant names: mailtls.capture, counts of packets and bytes, VLAN ids, event ids. `conflict`
variants may add what is said about the conflict. `lossy` ones may leave things out or say unknown, never something else.
"""
import copy
import os
import sys
import tempfile
from dataclasses import replace

from harness import Checks, arguments, cut, events, get, packets, pcapio, run, samples, without

FREE = """mailtls.capture network.packets network.bytes source.packets source.bytes destination.packets destination.bytes
network.vlan event.id event.sequence mailtls.finding.evidence.frame mailtls.finding.update""".split()
TIMES = """@timestamp event.start event.end event.duration mailtls.finding.evidence.time mailtls.finding.explanation
mailtls.finding.values""".split()  # texts may tell how long something took
IDS = "mailtls.session.id mailtls.finding.session_id mailtls.finding.uid mailtls.flow".split()
# What a contradiction between two copies may touch: it is a fact of its own.
CONFLICT = "mailtls.notes mailtls.verdict".split()
# What may become less: path -> the values that claim less than any other.
WEAKER = {
    "mailtls.mode": {"opaque"},
    "mailtls.verdict": {"unknown"},
    "mailtls.role": {"other"},
    "event.outcome": {"unknown"},
    "network.protocol": {"tls"},
    "mailtls.tls.certificates.visible": {"not_seen"},
}
# What else is less: (path, full value) -> the values that accuse nobody of it.
CERTIFICATE = "mailtls.tls.server.client_certificate"
MILDER = {
    ("mailtls.verdict", "tampered"): {"exposed", "failed", "protected", "weak"},
    ("mailtls.verdict", "exposed"): {"weak", "failed"},  # what failed is not all that happened
    ("mailtls.mode", "mixed"): {"plaintext"},  # clear text that is seen is clear text; that TLS was agreed before it is not
    ("network.protocol", "lmtp"): {"smtp"},  # nothing but LHLO tells them apart
    (CERTIFICATE, "sent"): {"requested"},
    (CERTIFICATE, "empty"): {"requested"},
}
# Findings that are true beside another one, which says more and stands alone.
IMPLIED = {"mail.metadata_cleartext": "inject.command_before_tls", "tls.alert": "mode.tls_on_starttls_port"}
BLIND = ("proto.", "visibility.")  # findings that only say how little was seen
ONCE = ["--set", "findings.interval=0"]  # each is written, none counted as a repetition
LOSSY_FREE = FREE + TIMES + IDS + "message mailtls.end mailtls.notes related event.type tls.server.hash".split()


def analyse(checks, options, name, path, statuses=(0,)):
    """dataset -> its events of one file; of a finding its last update, since when one is made may depend on a cut."""
    found = events(checks, name, run(options.program, "-r", path, "--all-tls", "-q", "--min-severity", "info", *ONCE), statuses)
    kinds, last = {}, {}
    for event in found:
        if get(event, "event.dataset") == "mailtls.finding":
            last[get(event, "mailtls.finding.uid")] = event
        else:
            kinds.setdefault(get(event, "event.dataset"), []).append(event)
    kinds["mailtls.finding"] = list(last.values())
    return kinds


def ends(event):
    pairs = [(get(event, f"{end}.ip"), get(event, f"{end}.port")) for end in ("source", "destination")]
    return tuple(map(str, sorted(map(str, pairs))))


def bare(kinds, variant, first_counts):
    """What must stay: events without what may change, in an order that does not depend on it."""
    paths = FREE + ([] if variant.same_times else TIMES)
    paths += [] if variant.same_ids and (variant.same_times or not first_counts) else IDS
    out = {}
    for dataset in ("mailtls.session", "mailtls.finding", "mailtls.certificate"):
        events_left = copy.deepcopy(kinds.get(dataset, []))
        for event in events_left:
            for path in paths + (CONFLICT if variant.kind == "conflict" else []):
                without(event, path)
        out[dataset] = sorted(events_left, key=lambda event: (ends(event), str(get(event, "rule.id")), repr(event)))
    return out


def difference(want, got, path=""):
    """The first place where two values differ, in words."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(set(want) | set(got)):
            if want.get(key) != got.get(key):
                return difference(want.get(key), got.get(key), f"{path}.{key}" if path else key)
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (one, other) in enumerate(zip(want, got)):
            if one != other:
                return difference(one, other, f"{path}[{i}]")
    return f"{path}: want {want!r:.200}, got {got!r:.200}"


def contradictions(full, less, path=""):
    """Where the record of less says something that the record of all does not."""
    if path in LOSSY_FREE or less == full:
        return []
    if isinstance(full, str) and isinstance(less, str):
        if less in WEAKER.get(path, set()) | MILDER.get((path, full), set()):
            return []
    if isinstance(full, dict) and isinstance(less, dict):
        return [w for key in less for w in contradictions(full.get(key), less[key], f"{path}.{key}" if path else key)]
    if isinstance(full, list) and isinstance(less, list):
        rest = list(full)
        for element in less:
            match = next((i for i, one in enumerate(rest) if not contradictions(one, element, path + "[]")), None)
            if match is None:
                return [f"{path}: {element!r:.100} is not in {full!r:.200}"]
            rest = rest[match + 1 :]
        return []
    return [f"{path}: {less!r:.120} instead of {full!r:.120}"]


def check_lossy(checks, name, whole, kinds):
    full = {}
    for session in whole.get("mailtls.session", []):
        full.setdefault(ends(session), []).append(session)
    for session in kinds.get("mailtls.session", []):
        known = full.get(ends(session), [])
        if not known and get(session, "mailtls.capture.midstream") and get(session, "network.protocol") == "tls":
            continue  # TLS that came late inside something that is not mail now looks like the beginning
        implied = [rule for rule, said in IMPLIED.items() if any(said in (get(one, "mailtls.findings") or []) for one in known)]
        if get(session, "mailtls.findings"):
            session["mailtls"]["findings"] = [rule for rule in session["mailtls"]["findings"] if rule not in implied]
        worst = min((contradictions(one, session) for one in known), key=len, default=["no such session in the whole capture"])
        checks.check(f"{name}: contradicts nothing", not worst, "; ".join(worst[:3]))
    rules = {(ends(finding), get(finding, "rule.id")) for finding in whole["mailtls.finding"]}
    less = [(ends(finding), get(finding, "rule.id")) for finding in kinds["mailtls.finding"]]
    rules |= {(where, rule) for where, more in rules for rule, said in IMPLIED.items() if said == more}
    new = [rule for where, rule in less if (where, rule) not in rules and not rule.startswith(BLIND)]
    checks.check(f"{name}: no new finding", not new, ", ".join(new))


def check_same(checks, name, want, got, variant):
    for dataset in want:
        if variant.kind == "conflict" and dataset == "mailtls.finding":
            known = [get(event, "rule.id") for event in got[dataset]]
            lost = [get(event, "rule.id") for event in want[dataset] if get(event, "rule.id") not in known]
            checks.check(f"{name}: no finding is lost", not lost, ", ".join(map(str, lost)))
        elif len(want[dataset]) != len(got[dataset]):
            rules = [[get(event, "rule.id") for event in one[dataset]] for one in (want, got)]
            checks.check(f"{name}: number of {dataset}", False, f"want {rules[0]}, got {rules[1]}")
        else:
            checks.check(f"{name}: {dataset}", want[dataset] == got[dataset], difference(want[dataset], got[dataset]))


def carried(link, frames):
    """The frames that the tools can carry over, with the resolution that they write: nothing else is to be compared."""
    kept = [frame for frame in frames if isinstance(packets.parse(link, frame), packets.Segment)]
    return [replace(frame, time_ns=frame.time_ns // 1000 * 1000) for frame in kept]


def numbers(name, frames, most):
    """The numbers to try a variant with, about `most` of them if that is not 0; None is its own default."""
    step = max(1, len(frames) // most) if most else 1
    if name == "lose":
        return range(1, len(frames) + 1, step)
    if name == "midstream":
        return range(1, len(frames), max(2, step))
    if name == "snap":
        return (40, 60, 80, 96, 200, 600)
    return (None,)


def more(parser):
    parser.add_argument("--variant", action="append", help="only these")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds for each variant")
    parser.add_argument("--lost", type=int, default=0, metavar="N", help="lose about N frames in turn, not every one")


def main():
    options = arguments(__doc__, more=more)
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "variant.pcap")
        for capture in options.captures:
            link, frames = pcapio.read(capture)
            frames = carried(link, frames)
            if not frames:
                continue  # a tunnel
            pcapio.write(path, cut.VARIANTS["plain"].apply(link, frames))
            whole = analyse(checks, options, os.path.basename(capture), path)
            if not checks.check(f"{capture}: has a session", whole.get("mailtls.session") or capture not in samples()):
                continue
            # Two contents are compared by their frames, and what has a hole already may lose what tells of it.
            if any(get(one, "rule.id") == "mitm.payload_conflict" for one in whole["mailtls.finding"]):
                continue
            hole = any(get(one, "mailtls.capture.gaps") for one in whole.get("mailtls.session", []))
            # Without a SYN the first sequence number seen names the session, and that may come later when reordered.
            first_counts = any(get(one, "mailtls.capture.midstream") for one in whole.get("mailtls.session", []))
            for name, variant in cut.VARIANTS.items():
                if name == "plain" or hole and variant.kind == "lossy" or options.variant and name not in options.variant:
                    continue
                tried = set()  # chance has no part in most variants: their seeds are all one
                for number in numbers(name, frames, options.lost):
                    for seed in range(options.seeds if number is None else 1):
                        label = f"{os.path.basename(capture)} {name}" + (f":{number}" if number is not None else f" {seed}")
                        content = variant.apply(link, frames, seed, number)
                        if content in tried:
                            break
                        tried.add(content)
                        pcapio.write(path, content)
                        kinds = analyse(checks, options, label, path)
                        if variant.kind == "lossy":
                            check_lossy(checks, label, whole, kinds)
                        else:
                            want, got = (bare(one, variant, first_counts) for one in (whole, kinds))
                            check_same(checks, label, want, got, variant)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Findings under every cut, order, wrapping and loss (design, invariants 2 and 3), on the captures of the plugins' own tests.

The cases of a plugins/<name>/test.py are put into one capture, each connection on a client port of its own. Variants of
tests/tools/cut.py that keep all bytes must give the same findings, in their last update: rule, severity, confidence, texts,
evidence. With the n-th frame of every connection lost, with the first n, with one side or with short frames, no connection
may get a rule that it did not have, but those that say why something could not be judged. A loss that nothing tells of (the
last thing that somebody said, never acknowledged) is no loss to anybody who listens, and is not asked about.
"""
import importlib.util
import os
import sys
import tempfile
from dataclasses import replace

from harness import Checks, arguments, cut, events, get, packets, pcapio, root, run
from test_cuts import BLIND, difference

import conversation  # tests/tools, by harness
import pki

# What is true beside a finding that says more, and then not said: rule -> those that say more.
IMPLIED = {
    "cert.self_signed": {"cert.interception_issuer", "cert.interception_suspected"},
    "cert.untrusted": {"cert.interception_issuer", "cert.interception_suspected"},
    "mail.metadata_cleartext": {"mail.content_cleartext", "inject.command_before_tls"},
    "starttls.handshake_failed": {"starttls.plaintext_after_accept"},
}
PORTS = 20000
# Frames lost in turn, in every connection at once; later ones are of the encrypted part.
MOST_LOST = 16
# What a move in time may change beside times: nothing that decides.
TIMELESS = ("rule", "severity", "confidence", "variant")


def cases_of(path):
    spec = importlib.util.spec_from_file_location("cases_" + os.path.basename(os.path.dirname(path)), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.cases()


def segments_of(path):
    """All connections of a test.py but those with settings or with copies that differ, side by side, and what the cases are called: port -> name."""
    out, names = [], {}
    for name, talks, want in cases_of(path):
        talks = talks if isinstance(talks, (list, tuple)) else [talks]
        # Two copies that differ are told by their frames, and cut.py makes every checksum right.
        if want.get("args") or any(talk.contradicts for talk in talks):
            continue
        for talk in talks:
            port = PORTS + len(names)
            names[port] = name
            for s in talk.finish():
                client = (s.source, s.source_port) == talk.ends["client"]
                # Captures hold microseconds, and connections that begin at once would be ordered by chance.
                s = replace(s, time_ns=s.time_ns // 1000 * 1000 + len(names) * 1000)
                out.append(replace(s, source_port=port) if client else replace(s, target_port=port))
    return sorted(out, key=lambda s: s.time_ns), names


def ends(event):
    return min((get(event, "source.ip"), get(event, "source.port")), (get(event, "destination.ip"), get(event, "destination.port")),
               key=lambda end: not PORTS <= (end[1] or 0) < PORTS + 10000)[1]  # fmt: skip


def findings(checks, options, label, path):
    """Client port -> the last update of each of its findings."""
    words = ["-r", path, "-q", "--min-severity", "info", "--events", "finding"]
    words += ["--set", "findings.interval=0", "--set", "x509.ca_bundle=" + pki.roots()]  # each is written, none counted as a repetition
    last = {}
    for event in events(checks, label, run(options.program, *words)):
        last[get(event, "mailtls.finding.uid")] = event
    out = {}
    for event in last.values():
        out.setdefault(ends(event), []).append(event)
    return out


def told(found, same_times):
    """What must stay of the findings of one connection."""
    out = []
    for event in found:
        one = {"rule": get(event, "rule.id")}
        for member in ("severity", "confidence", "attribution", "tlsrpt", "explanation", "fix"):
            one[member] = get(event, "mailtls.finding." + member)
        one["evidence"] = [{key: value for key, value in piece.items() if key in ("kind", "side", "offset", "text")}
                           for piece in get(event, "mailtls.finding.evidence") or []]  # fmt: skip
        out.append(one if same_times else {key: one[key] for key in TIMELESS if key in one})
    return sorted(out, key=repr)


def rules(found):
    return {get(event, "rule.id") for event in found}


def check_same(checks, label, names, want, got, variant):
    for port, name in names.items():
        one, other = (told(found.get(port, []), variant.same_times) for found in (want, got))
        if variant.kind == "conflict":
            missing = rules(want.get(port, [])) - rules(got.get(port, []))
            checks.check(f"{label}: {name}: no finding is lost", not missing, ", ".join(sorted(missing)))
        elif [f["rule"] for f in one] != [f["rule"] for f in other]:
            checks.equal(f"{label}: {name}", [f["rule"] for f in other], [f["rule"] for f in one])
        else:
            checks.check(f"{label}: {name}", one == other, difference(one, other))


def check_less(checks, label, names, want, got):
    for port, name in names.items():
        known = rules(want.get(port, []))
        new = {rule for rule in rules(got.get(port, [])) - known if not rule.startswith(BLIND) and not IMPLIED.get(rule, set()) & known}
        checks.check(f"{label}: {name}: no new finding", not new, ", ".join(sorted(new)))


def write(path, segments):
    frames = [pcapio.Frame(s.time_ns, packets.ethernet(s)) for s in segments]
    pcapio.write(path, pcapio.pcap(pcapio.ETHERNET, frames))
    return frames


def connections(segments):
    """Client port -> its segments."""
    out = {}
    for s in segments:
        port = s.source_port if PORTS <= s.source_port < PORTS + 10000 else s.target_port
        out.setdefault(port, []).append(s)
    return out


def hole(segments):
    """Whether the segments of a connection tell that some are missing: no SYN, a gap, or an acknowledgement of what is not there."""
    if len({s.side() for s in segments}) < 2:
        return True
    segments = [s for s in segments if not s.flags & packets.RST]  # anybody can send one, so what it says proves nothing
    for side in {s.side() for s in segments}:
        own = sorted((s for s in segments if s.side() == side), key=lambda s: s.seq)
        if not own[0].flags & packets.SYN:
            return True
        due = own[0].seq + 1
        for s in own[1:]:
            if s.seq > due:
                return True
            due = max(due, s.seq + len(s.payload) + bool(s.flags & packets.FIN))
        if any(s.ack > due for s in segments if s.side() != side and s.flags & packets.ACK):
            return True
    return False


def without(segments, drop):
    """Those for whose number in their connection, from 0, drop() is false; and the ports where that can be told."""
    kept = {port: [s for number, s in enumerate(own) if not drop(number)] for port, own in connections(segments).items()}
    told_of = {port for port, own in kept.items() if own and hole(own)}
    return sorted((s for own in kept.values() for s in own), key=lambda s: s.time_ns), told_of


def check_plugin(checks, options, path, test):
    plugin = os.path.basename(os.path.dirname(test))
    segments, names = segments_of(test)
    if not names:
        return
    frames = write(path, segments)
    want = findings(checks, options, plugin, path)
    # What has a hole already may lose what tells of it.
    sound = {port: names[port] for port, own in connections(segments).items() if not hole(own)}
    checks.check(f"{plugin}: there are findings", want)
    for name, variant in cut.VARIANTS.items():
        if name in ("plain", "lose", "midstream") or options.variant and name not in options.variant:
            continue
        for size in (40, 60, 96, 200) if name == "snap" else (None,):
            label = f"{plugin} {name}" + (f":{size}" if size else "")
            pcapio.write(path, variant.apply(pcapio.ETHERNET, frames, 1, size))
            got = findings(checks, options, label, path)
            if variant.kind == "lossy":
                check_less(checks, label, sound, want, got)
            else:
                check_same(checks, label, names, want, got, variant)
    if options.variant and "lose" not in options.variant:
        return
    for n in range(MOST_LOST):
        for label, drop in (f"lose {n}", lambda number: number == n), (f"lose {n} and the next", lambda number: number in (n, n + 1)), (
                f"from {n} on", lambda number: number < n):  # fmt: skip
            kept, told_of = without(segments, drop)
            write(path, kept)
            got = findings(checks, options, f"{plugin} {label}", path)
            check_less(checks, f"{plugin} {label}", {port: name for port, name in sound.items() if port in told_of}, want, got)
        # The capture ends, for all at once; a connection that is over by then has lost nothing.
        end = segments[0].time_ns + int(n * conversation.STEP * 10**9) + 2 * 10**6
        kept = [s for s in segments if s.time_ns < end]
        write(path, kept)
        check_less(checks, f"{plugin} to {n}", sound, want, findings(checks, options, f"{plugin} to {n}", path))


def more(parser):
    parser.add_argument("--variant", action="append", help="only these")
    parser.add_argument("--only", action="append", metavar="PLUGIN")


def main():
    options = arguments(__doc__, more=more)
    checks = Checks()
    folder = os.path.join(root, "plugins")
    with tempfile.TemporaryDirectory() as scratch:
        for plugin in sorted(os.listdir(folder)):
            test = os.path.join(folder, plugin, "test.py")
            detector = os.path.exists(os.path.join(root, "src", "data", "findings", plugin + ".txt"))  # the others are outputs
            if detector and os.path.exists(test) and (not options.only or plugin in options.only):
                check_plugin(checks, options, os.path.join(scratch, "variant.pcap"), test)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())

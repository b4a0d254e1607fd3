#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the flow stage with the oracle of reassemble.py on segmentations made by chance.

    compare_reassembly.py PLAY_SEGMENTS [--count 500] [--first 1] [--jobs 1]

Each number from --first on is a dialogue. It is cut into segments in CUTS ways: shown twice,
overlapped (with other content, too), acknowledged here and there, reordered and partly lost; --count
is the number of such segmentations. Both must find the same bytes and the same gaps on each side;
without loss every byte must come behind those that its sender had acknowledged.
"""
import argparse
import concurrent.futures
import random
import subprocess
import sys
import time

from reassemble import reassemble, runs, other

WRAP = 1 << 32
CUTS = 20  # segmentations of one dialogue
DIALOGUES = 20  # given to one process of the program under test
SEGMENTS = 800  # of one segmentation at most, so that no bound of ours and no two seconds are reached


def invent(rng):
    """Initial numbers, what is said in turn, and who finishes."""
    isn = {side: (WRAP - rng.randrange(3000) if rng.random() < 0.3 else rng.randrange(WRAP))
           for side in "CS"}
    said = []
    side = rng.choice("SSSC")
    for _ in range(rng.randrange(1, 10)):
        said.append((side, rng.randbytes(rng.randrange(1, 400))))
        side = other(side) if rng.random() < 0.8 else side
    return isn, said, rng.sample("CS", 2) if rng.random() < 0.5 else []


def cut(rng, isn, said, fins):
    """Segments in the order in which they were sent; a later copy may differ."""
    sent = {"C": 1, "S": 1}
    content = {"C": b"", "S": b""}
    longest = rng.choice([150, 150, 150, 400, 40, 6])
    longest = max(longest, 3 * sum(len(data) for _, data in said) // SEGMENTS)
    again = 0.1 if longest > 6 else 0.02
    out = []

    def send(side, at, data=b"", flags="", ack=None):
        ack = sent[other(side)] if ack is None else ack
        out.append({"side": side, "at": at, "flags": flags, "data": data,
                    "to": None if flags == "s" and side == "C" else ack,
                    "seq": (isn[side] + at) % WRAP,
                    "ack": None if flags == "s" and side == "C" else (isn[other(side)] + ack) % WRAP})

    send("C", 0, flags="s")
    send("S", 0, flags="s", ack=1)
    send("C", 1, ack=1)
    for side, data in said:
        content[side] += data
        done = 0
        while done < len(data):
            step = int(rng.random() * longest) + 1
            send(side, sent[side] + done, data[done:done + step])
            done += step
            if rng.random() < again:
                out.append(dict(out[-1]))
            if rng.random() < again:
                send(other(side), sent[other(side)], ack=sent[side] + min(done, len(data)))
        sent[side] += len(data)
        if rng.random() < 0.3:
            start = rng.randrange(len(content[side]))
            copy = bytearray(content[side][start:start + rng.randrange(1, 300)])
            if rng.random() < 0.3:
                copy[rng.randrange(len(copy))] ^= 0x55
            send(side, start + 1, bytes(copy))
    for side in fins:
        send(side, sent[side], flags="f")
        sent[side] += 1
    return out


def mangle(rng, segments):
    """What the tap sees of them. Of the handshake at most one SYN is lost."""
    loss = rng.choice([0, 0, 0.02, 0.2])
    lost_syn = rng.choice([None, 0, 1]) if loss else None
    kept = [s for i, s in enumerate(segments)
            if i != lost_syn and (not loss or "s" in s["flags"] or rng.random() >= loss)]
    reach = rng.choice([0, 3, 40, 40, len(kept)])
    order = sorted(range(len(kept)), key=lambda i: i + rng.random() * reach)
    if rng.random() < 0.1:
        order.reverse()
    return [kept[i] for i in order], len(kept) < len(segments)


def notation(isn, segments):
    lines = [f"C isn={isn['C']}", f"S isn={isn['S']}"]
    for number, s in enumerate(segments):
        ack = "" if s["to"] is None else f" {s['to']}"
        data = f" x{s['data'].hex()}" if s["data"] else ""
        lines.append(f"{s['side']}{s['flags']} {s['at']}{ack}{data} @{number}")
    return ";".join(lines)


def parse(record):
    """Data and gaps in the order of the callbacks."""
    words = iter(record.replace("[", "").replace("]", "").split(" "))
    position = {"C": 0, "S": 0}
    for word in words:
        if word[1:2] == ":":
            yield word[0], "data", position[word[0]], word[2:]
            position[word[0]] += len(word) // 2 - 1
        elif word in ("C", "S"):
            start, length = next(words).split("+")
            next(words)
            yield word, "gap", int(start), int(length)
            position[word] = int(start) + int(length)


def joined(events, side):
    result = []
    for who, kind, start, what in events:
        if who != side:
            continue
        if result and result[-1][0] == kind:
            result[-1][2] += what
        else:
            result.append([kind, start, what])
    return result


def same_runs(found, expected, fin):
    """Where a FIN was lost, the last acknowledgement may or may not count it."""
    if fin is None and found and expected and found[-1][0] == expected[-1][0] == "gap":
        found, expected = [r[:] for r in found], [r[:] for r in expected]
        if abs(found[-1][2] - expected[-1][2]) == 1:
            found[-1][2] = expected[-1][2]
    return found == expected


def uncaused(events, streams):
    """The first byte that comes before one that its sender had acknowledged."""
    base = {side: streams[side].base(True) for side in "CS"}
    acked = {side: streams[side].acked() if streams[side].segments else [] for side in "CS"}
    have = {side: 0 for side in "CS"}
    for side, kind, start, what in events:
        count = what if kind == "gap" else len(what) // 2
        if kind == "data":
            first = base[side] + start - streams[side].start
            late = base[other(side)] + have[other(side)]
            if max(acked[side][first:first + count]) > late:
                return side, start
        have[side] += count
    return None


def difference(seen, lossy, record):
    """What is wrong with the record of what was seen, or None."""
    events = list(parse(record))
    streams = reassemble(seen)
    for side in "CS":
        expected = runs(streams[side], streams[other(side)].syn is not None)
        found = joined(events, side)
        if not same_runs(found, expected, streams[side].fin):
            return f"side {side}: expected {expected}\nfound    {found}"
    if record.count("(") != 1:
        return f"more than one flow: {record}"
    early = None if lossy else uncaused(events, streams)
    return f"what begins at {early} comes too early: {record}" if early else None


def check(play, first, count):
    """Segmentations first to first + count - 1, in one process. Returns what is wrong, and what was
    compared: segmentations, of these with loss, segments."""
    made = []
    for number in range(first, first + count):
        if not made or number % CUTS == 0:
            dialogue = invent(random.Random(number // CUTS))
        rng = random.Random(f"cut {number}")
        made.append((number, dialogue[0], *mangle(rng, cut(rng, *dialogue))))
    scripts = [notation(isn, seen) for _, isn, seen, _ in made]
    done = subprocess.run([play], input="\n".join(scripts) + "\n", stdout=subprocess.PIPE, text=True,
                          check=False)
    records = done.stdout.splitlines()
    for (number, _, seen, lossy), script, record in zip(made, scripts, records):
        wrong = difference(seen, lossy, record)
        if wrong:
            return f"segmentation {number}:\n{script}\n{wrong}", 0, 0, 0
    if done.returncode != 0 or len(records) != count:
        return f"{play} failed in segmentations {first} to {first + count - 1}", 0, 0, 0
    return None, count, sum(m[3] for m in made), sum(len(m[2]) for m in made)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("play_segments")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--first", type=int, default=1, help="dialogue to begin with")
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    first, step = args.first * CUTS, CUTS * DIALOGUES
    begun, told = time.monotonic(), time.monotonic()
    compared = lossy = segments = 0
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        starts = range(first, first + args.count, step)
        counts = [min(step, first + args.count - start) for start in starts]
        for wrong, *more in pool.map(check, [args.play_segments] * len(counts), starts, counts):
            if wrong:
                pool.shutdown(wait=False, cancel_futures=True)
                sys.exit(wrong)
            compared, lossy, segments = compared + more[0], lossy + more[1], segments + more[2]
            if time.monotonic() - told > 60:
                told = time.monotonic()
                print(f"{compared} segmentations agree so far", flush=True)
    print(f"{compared} random segmentations ({lossy} with loss, {segments} segments) of "
          f"{-(-compared // CUTS)} dialogues compared, all agree; "
          f"{compared / (time.monotonic() - begun):.0f} a second")


if __name__ == "__main__":
    main()

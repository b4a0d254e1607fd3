#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the flow stage with the oracle of reassemble.py on dialogues made by chance.

    compare_reassembly.py PLAY_SEGMENTS [--count 500] [--first 1]

Each seed is a dialogue that is cut, shown twice, overlapped (with other content, too), reordered
and partly lost. Both must find the same bytes and the same gaps on each side; without loss every
byte must come behind those that its sender had acknowledged.
"""
import argparse
import random
import subprocess
import sys

from reassemble import reassemble, runs, other

WRAP = 1 << 32


def invent(rng):
    """Segments in the order in which they were sent, and whether a later copy may differ."""
    isn = {side: (WRAP - rng.randrange(3000) if rng.random() < 0.3 else rng.randrange(WRAP))
           for side in "CS"}
    sent = {"C": 1, "S": 1}
    content = {"C": b"", "S": b""}
    out = []

    def send(side, at, data=b"", flags="", ack=None):
        ack = sent[other(side)] if ack is None else ack
        out.append({"side": side, "at": at, "flags": flags, "data": data.hex(),
                    "to": None if flags == "s" and side == "C" else ack,
                    "seq": (isn[side] + at) % WRAP,
                    "ack": None if flags == "s" and side == "C" else (isn[other(side)] + ack) % WRAP})

    send("C", 0, flags="s")
    send("S", 0, flags="s", ack=1)
    send("C", 1, ack=1)
    side = rng.choice("SSSC")
    for _ in range(rng.randrange(1, 10)):
        data = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 400)))
        content[side] += data
        done = 0
        while done < len(data):
            step = rng.randrange(1, 150)
            send(side, sent[side] + done, data[done:done + step])
            done += step
            if rng.random() < 0.1:
                out.append(dict(out[-1]))
            if rng.random() < 0.1:
                send(other(side), sent[other(side)], ack=sent[side] + min(done, len(data)))
        sent[side] += len(data)
        if rng.random() < 0.3:
            start = rng.randrange(len(content[side]))
            again = bytearray(content[side][start:start + rng.randrange(1, 300)])
            if rng.random() < 0.3:
                again[rng.randrange(len(again))] ^= 0x55
            send(side, start + 1, bytes(again))
        side = other(side) if rng.random() < 0.8 else side
    if rng.random() < 0.5:
        for side in rng.sample("CS", 2):
            send(side, sent[side], flags="f")
            sent[side] += 1
    return isn, out


def mangle(rng, segments):
    """What the tap sees of them. Of the handshake at most one SYN is lost."""
    loss = rng.choice([0, 0, 0.02, 0.2])
    lost_syn = rng.choice([None, 0, 1]) if loss else None
    kept = [s for i, s in enumerate(segments)
            if i != lost_syn and ("s" in s["flags"] or rng.random() >= loss)]
    reach = rng.choice([0, 3, 40, 40])
    order = sorted(range(len(kept)), key=lambda i: i + rng.random() * reach)
    if rng.random() < 0.1:
        order.reverse()
    return [kept[i] for i in order], len(kept) < len(segments)


def notation(isn, segments):
    lines = [f"C isn={isn['C']}", f"S isn={isn['S']}"]
    for number, s in enumerate(segments):
        ack = "" if s["to"] is None else f" {s['to']}"
        data = f" x{s['data']}" if s["data"] else ""
        lines.append(f"{s['side']}{s['flags']} {s['at']}{ack}{data} @{number}")
    return ";".join(lines)


def parse(record):
    """Data and gaps in the order of the callbacks."""
    words = record.replace("[", "").replace("]", "").split(" ")
    position = {"C": 0, "S": 0}
    while words:
        word = words.pop(0)
        if word[1:2] == ":":
            yield [word[0], "data", position[word[0]], word[2:]]
            position[word[0]] += len(word) // 2 - 1
        elif word in "CS" and word:
            start, length = words.pop(0).split("+")
            words.pop(0)
            yield [word, "gap", int(start), int(length)]
            position[word] = int(start) + int(length)


def joined(events, side):
    result = []
    for who, kind, start, what in events:
        if who != side:
            continue
        if result and result[-1][0] == kind and kind == "data":
            result[-1][2] += what
        elif result and result[-1][0] == kind:
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
    have = {side: 0 for side in "CS"}
    for side, kind, start, what in events:
        count = what if kind == "gap" else len(what) // 2
        if kind == "data":
            for i in range(start, start + count):
                if streams[side].acked[base[side] + i] - base[other(side)] > have[other(side)]:
                    return side, i
        have[side] += count
    return None


def check(seed, play):
    rng = random.Random(seed)
    isn, sent = invent(rng)
    seen, lossy = mangle(rng, sent)
    script = notation(isn, seen)
    play.stdin.write(script + "\n")
    play.stdin.flush()
    record = play.stdout.readline().rstrip("\n")
    events = list(parse(record))
    streams = reassemble(seen)
    for side in "CS":
        expected = runs(streams[side], streams[other(side)].syn is not None)
        found = joined(events, side)
        if not same_runs(found, expected, streams[side].fin):
            return f"seed {seed}, side {side}:\n{script}\nexpected {expected}\nfound    {found}"
    if record.count("(") != 1:
        return f"seed {seed}: more than one flow:\n{script}\n{record}"
    if not lossy and uncaused(events, streams):
        return f"seed {seed}: {uncaused(events, streams)} comes too early:\n{script}\n{record}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("play_segments")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--first", type=int, default=1)
    args = parser.parse_args()
    play = subprocess.Popen([args.play_segments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True)
    for seed in range(args.first, args.first + args.count):
        wrong = check(seed, play)
        if wrong:
            play.kill()
            sys.exit(wrong)
    play.stdin.close()
    if play.wait() != 0:
        sys.exit(f"{args.play_segments} failed")
    print(f"{args.count} dialogues agree")


if __name__ == "__main__":
    main()

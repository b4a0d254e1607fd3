# SPDX-License-Identifier: Apache-2.0
"""The output "kafka" against librdkafka's mock cluster as a process of its own, read by kcat: brokers that go down, are slow or
answer with errors in the middle; topics, keys, headers; properties that are wrong."""
import json
import os
import re
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "tools"))
import outputs  # noqa: E402
from outputs import drive, harness, messages, until  # noqa: E402

SECRET = "made-up-word-4711"
# A real broker takes the requests of a producer in order only; so librdkafka, told that the second was stored, knows that the first
# was, which it has no answer for. The mock cluster stores the second without the first: it must not get two at a time.
ONE_BY_ONE = "kafka.max.in.flight.requests.per.connection=1"


class Cluster:
    def __init__(self, driver, *topics, brokers=2):
        path = os.path.join(os.path.dirname(os.path.abspath(driver)), "kafka_mock")
        self.process = subprocess.Popen([path, str(brokers), *topics], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.brokers = self.process.stdout.readline().strip()

    def __call__(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip() == "ok"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(harness.PATIENCE)

    def rows(self, kcat, topic):
        """(partition, key, headers, line) of all that is in a topic; of a key in order."""
        done = subprocess.run([kcat, "-q", "-b", self.brokers, "-t", topic, "-C", "-o", "beginning", "-e", "-f", "%p %k %h %s\\n"], capture_output=True, timeout=60)
        rows = [line.split(" ", 3) for line in done.stdout.decode().split("\n")[:-1]]
        return sorted(rows, key=lambda row: row[0])  # stable: partitions come mixed


def plain(checks, options, kcat):
    given = messages(3000)
    with Cluster(options.driver, "events", "findings") as cluster:
        for words in [], ["compression=lz4"], ["kafka.linger.ms=50", "kafka.enable.idempotence=false", "compression=none"]:
            before = len(cluster.rows(kcat, "events")) if kcat else 0
            done = drive(options.driver, "kafka", f"{cluster.brokers}/events", *words, given=given)
            checks.check(f"{words}: delivered", (done.status, done.delivered, done.refused, done.failures) == (0, 3000, 0, 0), f"{done.calls[-2:]} {done.err}")
            if kcat:
                checks.equal(f"{words}: arrived", len(cluster.rows(kcat, "events")) - before, 3000)
        done = drive(options.driver, "kafka", f"{cluster.brokers}/other", "topic.finding=findings", "topic.session=sessions", given=given)
        checks.check("topics by dataset: delivered", done.status == 0 and done.delivered == 3000, f"{done.calls[-2:]} {done.err}")
        if kcat:
            findings, sessions = cluster.rows(kcat, "findings"), cluster.rows(kcat, "sessions")
            checks.equal("topics by dataset", (len(findings), len(sessions)), (600, 2400))
            rows = cluster.rows(kcat, "sessions")
            outputs.arrived(checks, "sessions", [m for m in given if m.dataset == 0], [row[3] for row in rows], repeats=False)
            partitions = {}
            for partition, key, _, _ in rows:
                partitions.setdefault(key, set()).add(partition)
            checks.check("a key keeps its partition, and there is more than one", all(len(p) == 1 for p in partitions.values()) and len(set.union(*partitions.values())) > 1, partitions)
            checks.equal("headers", findings[0][2], "schema=1,format=ecs,dataset=mailtls.finding,id=" + findings[0][3][16:26])
        large = [outputs.Message(1), outputs.Message(2, "y" * 5000), outputs.Message(3)]
        done = drive(options.driver, "kafka", f"{cluster.brokers}/large", "kafka.message.max.bytes=3000", given=large)
        checks.check("too large: refused, the rest arrives", (done.status, done.delivered, done.refused) == (0, 3, 1) and "bytes" in done.calls[0][3], f"{done.calls} {done.err}")
        if kcat:
            checks.equal("too large: the others", sorted(row[3] for row in cluster.rows(kcat, "large")), sorted([large[0].line, large[2].line]))


def mixed_up(checks, options, kcat):
    """A million events with a broker away for a minute is tests/full; the same in small is here."""
    count = 1000000 if options.full else 40000
    given = messages(count, size=100 if options.full else 300, keys=50)
    with Cluster(options.driver, "events", brokers=3) as cluster:
        work = outputs.Drive(options.driver, "kafka", f"{cluster.brokers}/events", "--batch", "2000", "--wait", "1000", "--pause", "50", "--tries", "1000",
                             "kafka.reconnect.backoff.max.ms=500", "kafka.socket.timeout.ms=3000", ONE_BY_ONE, given=given)  # fmt: skip
        pause = threading.Event()
        for line in ("fail 6 3", "down 1", "up 1", "rtt 2 1500", "rtt 2 0", "fail 7 5", "down 1", "down 2", "down 3", "up 1", "up 2", "up 3", "fail 19 2", "fail 20 3"):
            checks.check(f"the cluster obeys {line!r}", cluster(line))
            pause.wait(15 if options.full and line == "down 3" else 0.3)
        if options.full:
            cluster("down 1")
            pause.wait(60)
            cluster("up 1")
        work.done(900)
        checks.check("all delivered in the end", work.status == 0 and work.delivered == count and work.refused == 0, f"{work.status} {work.delivered} {work.calls[-3:]} {work.err[-300:]}")
        print(f"{count} messages, {work.failures} failed calls of {len(work.calls)}: {sorted({c[3] for c in work.calls if c[2]})[:4]}")
        if kcat:
            again = outputs.arrived(checks, "mixed up", given, [row[3] for row in cluster.rows(kcat, "events")])
            print(f"{again} of them twice")


def slow(checks, options, kcat):
    """Brokers that take longer than a call: what is under way is waited for, not produced again."""
    given = messages(300)
    with Cluster(options.driver, "slow", brokers=2) as cluster:
        for broker in 1, 2:
            cluster(f"rtt {broker} 700")
        done = drive(options.driver, "kafka", f"{cluster.brokers}/slow", "--batch", "100", "--wait", "200", given=given)
        checks.check("slow: delivered, though not at once", done.status == 0 and done.delivered == 300 and done.failures > 0, f"{done.calls[-3:]} {done.err}")
        for broker in 1, 2:
            cluster(f"rtt {broker} 0")
        if kcat:
            outputs.arrived(checks, "slow", given, [row[3] for row in cluster.rows(kcat, "slow")], repeats=False)


def unwilling(checks, options):
    few = messages(3)
    done = drive(options.driver, "kafka", f"127.0.0.1:{outputs.refusing_port()}/events", "--tries", "4", "--wait", "1500", given=few)
    checks.check("nobody there: failed, and said", done.status == 1 and done.delivered == 0 and any("refused" in call[3] for call in done.calls), f"{done.status} {done.calls} {done.err}")
    with Cluster(options.driver, "events") as cluster, tempfile.TemporaryDirectory() as folder:
        conf = os.path.join(folder, "conf")

        def wrong(text, says):
            with open(conf, "w", encoding="ascii") as f:
                f.write(text)
            outputs.refused_by_check(checks, options.driver, "kafka", f"{cluster.brokers}/x", "conf_file=" + conf, says=says, never=[SECRET])

        wrong(f"# ours\n\nsasl.pasword={SECRET}\n", "line 3 of conf_file=: librdkafka has no property sasl.pasword")
        wrong(f"security.protocol = {SECRET}\n", "line 1 of conf_file=: librdkafka does not take this value for its property security.protocol")
        wrong(SECRET + "\n", "expected NAME=VALUE")
        wrong("a=" + "x" * 9000 + "\n", "too long")
        with open(conf, "w", encoding="ascii") as f:
            f.write(f"# spaces around are left out\nsasl.username = tap\nsasl.password={SECRET}\r\nsecurity.protocol=plaintext\n linger.ms = 1\n")
        done = drive(options.driver, "kafka", f"{cluster.brokers}/events", "conf_file=" + conf, given=few)
        checks.check("a conf_file= is taken", done.status == 0 and done.delivered == 3, f"{done.calls} {done.err}")
    check = lambda *words, **more: outputs.refused_by_check(checks, options.driver, "kafka", *words, **more)  # noqa: E731
    for target in "", "broker", "/topic", "broker:9092":
        check(target, says="expected BROKER")
    check("broker/", says="a topic has 1 to 249")
    check("broker/a b", says="a topic has 1 to 249")
    check("broker/" + "t" * 250, says="a topic has 1 to 249")
    check("user:" + SECRET + "@broker/t", says="conf_file=", never=[SECRET])
    check("broker/t", "topic.finding=..", says="a topic has")
    check("broker/t", "topic.findings=x", says="no option topic.findings")
    check("broker/t", "compression=zip", says="compression= is one of")
    check("broker/t", "kafka.acks=maybe", says="does not take this value for its property acks")
    check("broker/t", "kafka.no.such=1", says="has no property no.such")
    check("broker/t", "kafka.sasl.password=" + SECRET, says="belongs into the file of conf_file=", never=[SECRET])
    check("broker/t", "conf_file=/nonexistent", says="No such file")
    done = drive(options.driver, "kafka", "127.0.0.1:1/t", "kafka.acks=1", given=few)
    checks.check("properties that do not go together are refused by open()", done.status == 2 and "idempotence" in done.err, f"{done.status} {done.err}")


def whole(checks, options, kcat):
    if not options.program or not kcat:
        print("skipped: the whole way needs --program and kcat")
        return
    with Cluster(options.driver, "events") as cluster:
        want = outputs.samples_through(checks, options.program, f"plugin:kafka:{cluster.brokers}/events")
        until(lambda: len(cluster.rows(kcat, "events")) >= len(want), 5)
        checks.equal("starttap -o plugin:kafka: the events of standard output", sorted(row[3] for row in cluster.rows(kcat, "events")), sorted(want))


def most_memory(process, ended):
    """The most that the program or a process of its outputs had of its own (not of files), in MiB, until `ended` is set."""
    most = 0
    while not ended.wait(0.5):
        family = [process.pid]
        for pid in family:
            try:
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                    family += [int(word) for word in file.read().split()]
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    most = max([most, *(int(line.split()[1]) // 1024 for line in file if line.startswith("RssAnon"))])
            except OSError:  # it has ended
                pass
    return most


def million(checks, options, kcat):
    """The whole way in large: a million findings while a broker is away for a minute."""
    if not (options.full and options.program and kcat):
        print("skipped: a million events through the whole program are for --full, with --program and kcat")
        return
    generate = os.path.join(os.path.dirname(os.path.abspath(options.driver)), "..", "bench", "bench_generate")
    samples = [path for path in harness.samples() if harness.name_of(path) in harness.FIRST]
    with tempfile.TemporaryDirectory() as folder, Cluster(options.driver, "events", brokers=3) as cluster:
        capture, reference, stats = (os.path.join(folder, name) for name in ("capture.pcap", "reference.cef", "stats.jsonl"))
        with open(capture, "wb") as file:
            subprocess.run([generate, "dialogue", "800", "1", *samples], stdout=file, stderr=subprocess.DEVNULL, check=True)
        kafka = f"plugin:kafka:{cluster.brokers}/events?format=cef&events=finding&spool={folder}/spool&spool_size=4GiB&drain=10m&{ONE_BY_ONE}"
        files = ["-o", f"file:{reference}?format=cef&events=finding", "-o", f"file:{stats}?events=stats"]
        ended, memory = threading.Event(), []
        # The mock cluster forgets the oldest when some MiB of a partition are full, so it is read all along.
        arrived = os.path.join(folder, "arrived")
        with open(arrived, "wb") as file:
            reader = subprocess.Popen([kcat, "-q", "-b", cluster.brokers, "-t", "events", "-C", "-o", "beginning", "-f", "%k %s\n"], stdout=file, stderr=subprocess.DEVNULL)
        with subprocess.Popen([options.program, "-r", capture, "-q", "--set", "findings.interval=0", *files, "-o", kafka], stderr=subprocess.PIPE, cwd=harness.root) as process:
            watch = threading.Thread(target=lambda: memory.append(most_memory(process, ended)))
            watch.start()
            pause = threading.Event()
            pause.wait(3)
            cluster("down 1")
            pause.wait(60)
            cluster("up 1")
            err = process.communicate(timeout=1200)[1]
            ended.set()
            watch.join()
        checks.check("a million: status", process.returncode == 0, f"{process.returncode} {err[-300:]!r}")
        with open(reference, encoding="utf-8") as file:
            place = {id_of(line): number for number, line in enumerate(file)}
        checks.check("a million: as many were made", len(place) >= 1000000, str(len(place)))
        size = -1
        while size != os.path.getsize(arrived):
            size = os.path.getsize(arrived)
            pause.wait(3)
        reader.terminate()
        reader.wait()
        got, last, twice, order = set(), {}, 0, True
        with open(arrived, encoding="utf-8") as rows:
            for row in rows:
                key, line = row.split(" ", 1)
                number = id_of(line)
                twice += number in got
                if number not in got:
                    order = order and place.get(number, -1) > last.get(key, -1)
                    last[key] = place.get(number, -1)
                got.add(number)
        checks.check("a million: none missing, none strange", got == place.keys(), f"{len(place.keys() - got)} missing, {len(got - place.keys())} strange")
        checks.check("a million: in order by key", order)
        with open(stats, encoding="utf-8") as file:
            counts = [o for o in json.loads(file.readlines()[-1])["mailtls"]["stats"]["outputs"] if "kafka" in json.dumps(o)]
        checks.check("a million: nothing was given up", len(counts) == 1 and not any(counts[0].get("dropped", {}).values()), str(counts))
        checks.check("a million: the packets' thread never waited for it", len(counts) == 1 and counts[0].get("waits") == 0, str(counts))
        checks.check("a million: memory is bounded", 0 < memory[0] < 1024, f"{memory[0]} MiB")
        print(f"a million: {len(place)} findings of {len(last)} connections, {twice} twice, at most {memory[0]} MiB in one process")


def id_of(line):
    return re.search(r" externalId=(\w+)", line).group(1)


def main():
    options = outputs.arguments(__doc__)
    checks = harness.Checks()
    kcat = outputs.tool("kcat")
    unwilling(checks, options)
    for part in plain, slow, mixed_up, whole, million:
        part(checks, options, kcat)
    return checks.finish()


if __name__ == "__main__":
    raise SystemExit(main())

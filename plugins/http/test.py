# SPDX-License-Identifier: Apache-2.0
"""The output "http" against a receiver of the test's own that speaks as Elasticsearch's _bulk, Splunk's HEC and a taker of
lines do, and that fails, stalls, hangs up, answers nonsense and refuses single events. It is a fake of these protocols."""
import base64
import gzip
import http.server
import itertools
import json
import os
import ssl
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "tools"))
import outputs  # noqa: E402
import pki  # noqa: E402
from outputs import drive, harness, messages  # noqa: E402

SECRET = "made-up-word-4711"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # an answer leaves in one piece

    def log_message(self, *_):
        pass

    def answer(self, status, body, more=0, **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + more))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        fake = self.server.fake
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with fake.lock:
            how = next(fake.plan, "ok")
            fake.requests.append((self.path, dict(self.headers)))
        if how == "stall":
            time.sleep(3)
        if how == "stall head":
            time.sleep(1.5)
            self.close_connection = True
            return
        if how == "trickle":
            with fake.lock:
                fake.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.flush()
            for _ in range(300):  # until the other side has enough of it
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
            self.close_connection = True
            return
        if how == "drop" or how == "stall":
            self.close_connection = True
            return
        if isinstance(how, int):
            self.answer(how, fake.words, **({"Location": f"http://127.0.0.1:{self.server.server_port}/elsewhere"} if how // 100 == 3 else {}))
            return
        with fake.lock:
            status, answer = fake.take(body)
        if how == "taken and dropped":
            self.close_connection = True
        elif how == "nonsense":
            self.answer(200, b"<html>it works</html>")
        elif how == "half":
            self.answer(status, answer, more=100)
            self.close_connection = True
        else:
            self.answer(status, answer)


class Fake:
    """kind: bulk, hec, jsonl. plan: how requests are answered, "ok" when it is at its end."""

    def __init__(self, kind, plan=(), bad=lambda line: False, busy=0, tls=False, words=b"no", most=None):
        self.kind, self.plan, self.bad, self.busy, self.words, self.most = kind, iter(plan), bad, busy, words, most
        self.lines, self.ids, self.requests, self.entries, self.lock = [], {}, [], [], threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # connections that the other side cut
        self.server.fake = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pki.chain("long", name="localhost", at=pki.BASE).file)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http{'s' if tls else ''}://localhost:{self.server.server_port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def take(self, body):
        if self.most and len(body) > self.most:
            return 413, b"too large"
        return getattr(self, "take_" + self.kind)(body)

    def take_jsonl(self, body):
        lines = body.decode().split("\n")[:-1]
        if any(self.bad(line) for line in lines):
            return 400, b"Code: 27. DB::Exception: Cannot parse input"
        self.lines += lines
        return 200, b""

    def take_hec(self, body):
        entries = [json.loads(line) for line in body.decode().split("\n")[:-1]]
        if any(self.bad(json.dumps(entry["event"])) for entry in entries):
            return 400, {"text": "Invalid data format", "code": 6, "invalid-event-number": 0}
        self.entries += entries
        self.lines += [json.dumps(entry["event"], ensure_ascii=False, separators=(",", ":")) if isinstance(entry["event"], dict) else entry["event"] for entry in entries]
        return 200, {"text": "Success", "code": 0}

    def take_bulk(self, body):
        lines = body.decode().split("\n")[:-1]
        items = []
        for action, line in zip(lines[::2], lines[1::2], strict=True):
            create = json.loads(action)["create"]
            self.entries.append(create)
            number = create["_id"]
            if number in self.ids:
                items.append({"status": 409, "error": {"type": "version_conflict_engine_exception"}})
            elif self.bad(line):
                items.append({"status": 400, "error": {"type": "mapper_parsing_exception"}})
            elif self.busy and len(items) % 5 == 4:
                self.busy -= 1
                items.append({"status": 429, "error": {"type": "es_rejected_execution_exception"}})
            else:
                self.ids[number] = line
                self.lines.append(line)
                items.append({"status": 201})
        return 200, {"items": [{"create": item} for item in items]}


def paths(checks, options):
    """Each style: what a request looks like."""
    given = messages(300)
    with Fake("bulk") as fake:
        done = drive(options.driver, "http", fake.url, "style=bulk", "index=starttap-{dataset}", "gzip=yes", "param.pipeline=a b&c", given=given)
        checks.check("bulk: delivered", (done.status, done.delivered, done.failures) == (0, 300, 0), f"{done.calls} {done.err}")
        outputs.arrived(checks, "bulk", given, fake.lines, repeats=False)
        path, headers = fake.requests[0]
        checks.equal("bulk: path", path, "/_bulk?filter_path=items.*.status,items.*.error.type&pipeline=a%20b%26c")
        checks.equal("bulk: headers", (headers["Content-Type"], headers["Content-Encoding"], headers["User-Agent"]), ("application/x-ndjson", "gzip", "starttap"))
        checks.equal("bulk: actions", fake.entries[:2], [{"_index": "starttap-finding", "_id": "tap.example.net-ID00000000"}, {"_index": "starttap-session", "_id": "tap.example.net-ID00000001"}])
    with Fake("bulk") as fake:
        drive(options.driver, "http", fake.url + "/events/_bulk", "style=bulk", given=given[:1])
        checks.equal("bulk: an index in the path", (fake.requests[0][0][:14], fake.entries), ("/events/_bulk?", [{"_id": "tap.example.net-ID00000000"}]))
    with Fake("hec", tls=True) as fake, tempfile.TemporaryDirectory() as folder:
        token = os.path.join(folder, "token")
        with open(token, "w", encoding="ascii") as f:
            f.write(SECRET + "\n")
        done = drive(options.driver, "http", fake.url, "style=hec", "token_file=" + token, "index=mail", "ca=" + pki.roots(), given=given)
        checks.check("hec: delivered", (done.status, done.delivered, done.failures) == (0, 300, 0), f"{done.calls} {done.err}")
        outputs.arrived(checks, "hec", given, fake.lines, repeats=False)
        path, headers = fake.requests[0]
        checks.equal("hec: path and headers", (path, headers["Authorization"]), ("/services/collector/event", "Splunk " + SECRET))
        checks.equal("hec: the envelope", {k: v for k, v in fake.entries[0].items() if k != "event"},
                     {"time": 1777852800.123457, "host": "tap.example.net", "source": "starttap", "sourcetype": "starttap:json", "index": "mail"})  # fmt: skip
        for name, words in ("authority", []), ("name", ["ca=" + pki.roots()]):
            url = fake.url.replace("localhost", "127.0.0.1") if name == "name" else fake.url
            done = drive(options.driver, "http", url, "style=hec", *words, "--tries", "1", given=given[:1])
            checks.check(f"a wrong {name} in the certificate", done.status == 1 and done.delivered == 0 and ("certificate" in done.calls[0][3] or "match" in done.calls[0][3]), done.calls)
        done = drive(options.driver, "http", fake.url, "style=hec", "tls_verify=no", "format=cef", given=given[5:6])
        checks.equal("hec: a line that is not JSON is a string", (done.delivered, fake.entries[-1]["event"], fake.entries[-1]["sourcetype"]), (1, given[5].line, "starttap"))
    with Fake("jsonl") as fake, tempfile.TemporaryDirectory() as folder:
        password = os.path.join(folder, "password")
        with open(password, "w", encoding="ascii") as f:
            f.write(SECRET + "\n")
        done = drive(options.driver, "http", fake.url, "user=tap", "password_file=" + password, "param.query=INSERT INTO mail.events FORMAT JSONEachRow", given=given)
        outputs.arrived(checks, "jsonl", given, fake.lines, repeats=False)
        path, headers = fake.requests[0]
        checks.equal("jsonl: path and headers", (path, headers["Authorization"]),
                     ("/?query=INSERT%20INTO%20mail.events%20FORMAT%20JSONEachRow", "Basic " + base64.b64encode(f"tap:{SECRET}".encode()).decode()))  # fmt: skip
        checks.check("a password in clear is warned of", "log 1" in done.err and SECRET not in done.err, done.err)


def mixed_up(checks, options):
    """All that goes wrong with requests, one after the other."""
    troubles = ["ok", 500, "drop", 503, "taken and dropped", 429, "half", "stall", 502, 401, 404, "ok", "nonsense", 301, 307, "drop", "drop"]
    for kind, words, twice in ("bulk", ["style=bulk", "index=x"], False), ("hec", ["style=hec"], True), ("jsonl", [], True):
        given = messages(3000)
        plan = [how for how in troubles * 2 if kind == "bulk" or how != "nonsense"]
        with Fake(kind, plan, busy=40 if kind == "bulk" else 0) as fake:
            done = drive(options.driver, "http", fake.url, *words, "--batch", "200", "--wait", "1000", given=given)
            checks.check(f"{kind}: delivered in the end", done.status == 0 and done.delivered == 3000 and done.refused == 0 and done.failures >= 20, f"{done.status} {done.calls[-3:]} {done.err[-300:]}")
            said = {call[3] for call in done.calls if call[2]}
            checks.check(f"{kind}: says why", any("HTTP status 503" in w for w in said) and any("HTTP status 301" in w for w in said) and all(said), said)
            checks.check(f"{kind}: no redirect is followed", not any("elsewhere" in path for path, _ in fake.requests))
            outputs.arrived(checks, f"{kind}: mixed up", given, fake.lines, repeats=twice, order=kind != "bulk")
            print(f"{kind}: 3000 messages, {done.failures} failed calls, {len(fake.lines) - 3000} of them stored twice")


def wrong_events(checks, options):
    """Events that a receiver will not take by themselves."""
    given = messages(1000)
    wrong = [m for m in given if int(m.id[2:]) in (0, 77, 78, 500, 999)]
    good = [m for m in given if m not in wrong]
    for kind, words in ("bulk", ["style=bulk", "index=x"]), ("hec", ["style=hec"]), ("jsonl", []):
        with Fake(kind, bad=lambda line: any(m.id in line for m in wrong)) as fake:
            done = drive(options.driver, "http", fake.url, *words, "--batch", "250", given=given)
            checks.check(f"{kind}: wrong ones are refused and counted", (done.status, done.delivered, done.refused) == (0, 1000, 5), f"{done.status} {done.calls} {done.err}")
            outputs.arrived(checks, f"{kind}: the others", good, fake.lines, repeats=False)
        with Fake(kind, bad=lambda line: True) as fake:
            done = drive(options.driver, "http", fake.url, *words, "--batch", "250", "--tries", "2", given=given)
            checks.check(f"{kind}: a receiver that takes nothing loses nothing", (done.status, done.delivered, done.refused) == (1, 0, 0) and "400" in done.calls[0][3], f"{done.calls}")
            checks.check(f"{kind}: and is not asked a thousand times", len(fake.requests) < 60, len(fake.requests))
    with Fake("jsonl", most=20000) as fake:
        long = given[:100] + [outputs.Message(5000, "y" * 30000)] + given[100:200]
        done = drive(options.driver, "http", fake.url, given=long)
        checks.check("413: halved until it fits, what never fits is refused", (done.status, done.delivered, done.refused) == (0, 201, 1), f"{done.calls} {done.err}")
        outputs.arrived(checks, "413", given[:200], fake.lines, repeats=False)


def answers(checks, options):
    """Bulk answers that are none: nothing counts as delivered. And what is told of an answer."""
    few = messages(2)
    for answer in ({}, [], {"items": []}, {"items": [{"create": {"status": 201}}]}, {"items": [{"create": {"status": "201"}}] * 2}, {"items": {"create": 1}}, {"items": [1, 2]},
                   {"items": [{"index": {"status": 201}}] * 2}, {"items": [{"create": {"status": 302}}] * 2}, {"items": [{"create": {"status": -1}}] * 2}):  # fmt: skip
        with Fake("bulk") as fake:
            fake.take = lambda body, answer=answer: (200, answer)
            done = drive(options.driver, "http", fake.url, "style=bulk", "index=x", "--tries", "1", given=few)
            checks.check(f"bulk answer {answer}", done.status == 1 and done.delivered == 0 and done.calls[0][3], f"{done.status} {done.calls} {done.err}")
    for body in b'{"items":' + b"[" * 100000, b"\xff\xfe\x00" * 9, b'{"items":[' * 2, b"x" * (9 << 20):
        with Fake("bulk") as fake:
            fake.take = lambda request, body=body: (200, body)
            done = drive(options.driver, "http", fake.url, "style=bulk", "index=x", "--tries", "1", given=few)
            checks.check(f"bulk answer {body[:20]!r}", done.status == 1 and done.delivered == 0 and done.calls[0][3], f"{done.status} {done.calls} {done.err}")
    with tempfile.TemporaryDirectory() as folder:
        token = os.path.join(folder, "token")
        with open(token, "w", encoding="ascii") as f:
            f.write(SECRET + "\n")
        with Fake("hec", plan=itertools.repeat(403), words=f"bad token {SECRET}".encode()) as fake:
            done = drive(options.driver, "http", fake.url, "style=hec", "token_file=" + token, "--tries", "1", given=few)
            checks.check("a token that the receiver repeats is not told", "HTTP status 403" in done.calls[0][3] and SECRET not in str(done.calls) + done.err, done.calls)
        with Fake("hec", plan=itertools.repeat(403), words=b'{"text":"Token\x1b[2J disabled"}\nmore') as fake:
            done = drive(options.driver, "http", fake.url, "style=hec", "--tries", "1", given=few)
            checks.equal("an answer is told by its first line, cleaned", done.calls[0][3], 'HTTP status 403: {"text":"Token.[2J disabled"}')
    os.environ["http_proxy"] = f"http://127.0.0.1:{outputs.refusing_port()}"
    with Fake("jsonl") as fake:
        done = drive(options.driver, "http", fake.url, given=few)
        checks.check("a proxy of the environment is not used", done.status == 0 and done.delivered == 2, done.calls)
        done = drive(options.driver, "http", fake.url, "proxy=" + os.environ["http_proxy"], "--tries", "1", given=few)
        checks.check("one that was asked for is", done.status == 1 and "connect" in done.calls[0][3].lower(), done.calls)
    del os.environ["http_proxy"]
    check = lambda *words, **more: outputs.refused_by_check(checks, options.driver, "http", *words, **more)  # noqa: E731
    for target in "", "host", "ftp://host/", "https://", "http:///x", "file:///etc/passwd":
        check(target, says="expected http://HOST")
    check("http://user:" + SECRET + "@host/", says="password_file=", never=[SECRET])
    check("http://host/?a=b", says="param.NAME=")
    check("http://host/a b", says="no blanks")
    check("http://host/\r\nX: y", says="no blanks")
    check("http://host/x", "style=bulk", says="ends in /_bulk")
    check("http://host/_bulk", "style=bulk", says="needs index=")
    check("http://host", "style=bulk", says="needs index=")
    check("http://host/x/_bulk", says="wants style=bulk")
    check("http://host/x/_bulk", "style=bulk", "format=cef", says="takes JSON")
    check("http://host/", "user=a", says="belong together")
    check("http://host/", "user=a:b", "password_file=" + os.path.abspath(__file__), says="colon")
    check("http://host/", "user=a", "password_file=" + os.path.abspath(__file__), "token_file=" + os.path.abspath(__file__), says="either")
    check("http://host/", "proxy=http://u:" + SECRET + "@p", says="password does not belong", never=[SECRET])
    check("http://host/", "token=" + SECRET, says="no option token;", never=[SECRET])
    check("http://host/", "cert=" + pki.roots(), says="belong together")
    check("http://host/" + "x" * 9000, says="longer than")


def much_and_little(checks, options):
    """Answers longer than anybody reads, that trickle, that take a part; secrets that a receiver repeats in pieces."""
    few = messages(3)
    for kind, words in ("jsonl", []), ("hec", ["style=hec"]):
        with Fake(kind) as fake:
            take = fake.take
            fake.take = lambda body, take=take: (take(body)[0], b"x" * (12 << 20))
            done = drive(options.driver, "http", fake.url, *words, "--tries", "2", given=few)
            checks.check(f"{kind}: taken, with megabytes of answer", (done.status, done.delivered, len(fake.lines)) == (0, 3, 3), f"{done.calls} {len(fake.lines)}")
        with Fake(kind, ["trickle"] * 9) as fake:
            done = drive(options.driver, "http", fake.url, *words, "--tries", "2", "--wait", "2000", given=few)
            checks.check(f"{kind}: taken, with an answer that never ends", (done.status, done.delivered, len(fake.lines)) == (0, 3, 3), f"{done.calls} {len(fake.lines)}")
    with Fake("jsonl", ["stall head"] * 9) as fake:
        done = drive(options.driver, "http", fake.url, "--tries", "1", "--wait", "500", given=few)
        checks.check("jsonl: no status in time is no delivery", (done.status, done.delivered) == (1, 0), done.calls)
    with Fake("jsonl") as fake:
        take = fake.take
        fake.take = lambda body: (take(body)[0], b"") if b"ID00000001" not in body and few[1].line.encode() not in body else (207, b"some were not taken")
        done = drive(options.driver, "http", fake.url, "--tries", "2", given=few)
        checks.check("207 is a part: looked for, refused, counted", (done.status, done.delivered, done.refused) == (0, 3, 1) and "207" in str(done.calls), done.calls)
    token = "made-up." + "abcdefghij" * 30
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "token")
        with open(path, "w", encoding="ascii") as f:
            f.write(token + "\n")
        for words in (b"the token " + token.encode(), b"x" * 90 + b" " + token.encode(), b"got: Bearer " + base64.b64encode(b"tap:" + token.encode())):
            with Fake("jsonl", plan=itertools.repeat(403), words=words) as fake:
                done = drive(options.driver, "http", fake.url, "token_file=" + path, "--tries", "1", given=few)
                checks.check("no part of a token is told", "HTTP status 403" in done.calls[0][3] and "made-up" not in str(done.calls) and "dGFw" not in str(done.calls), done.calls)


def whole(checks, options):
    if not options.program:
        print("skipped: no --program, so the plugin is tested without starttap around it")
        return
    for kind, words in ("bulk", "style=bulk&index=starttap-{dataset}&gzip=yes"), ("jsonl", "param.query=INSERT%20INTO%20t%20FORMAT%20JSONEachRow"):
        with Fake(kind, ["ok"]) as fake:
            want = outputs.samples_through(checks, options.program, f"plugin:http:{fake.url}?{words}")
            checks.equal(f"starttap -o plugin:http, {kind}: the events of standard output", fake.lines, want)
            checks.check(f"{kind}: parameters", "FORMAT%20JSONEachRow" in fake.requests[0][0] or kind == "bulk", fake.requests[0][0])


def main():
    options = outputs.arguments(__doc__)
    checks = harness.Checks()
    probe = drive(options.driver, "http", "http://host/", "--check")
    if probe.status == 77:
        print("skipped: this build lacks the output http (libcurl)")
        return 77
    for part in paths, mixed_up, wrong_events, answers, much_and_little, whole:
        part(checks, options)
    return checks.finish()


if __name__ == "__main__":
    raise SystemExit(main())

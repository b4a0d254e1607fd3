# SPDX-License-Identifier: Apache-2.0
"""Mail servers as senders: Postfix takes a message on loopback and delivers it, Exim delivers one from its command line.

`settings` are lines of main.cf, or options of Exim's smtp transport.
"""
import re
import shutil
import signal
import time
from pathlib import Path

import canaries
from packages import folder_of
from servers import TEMPLATES, Place
from spaces import LabError, stop, tail, wait_until

INJECT_PORT = 10025
ROUTER_BY_NAME = "  driver = manualroute\n  route_list = * mx.example.org byname\n"
ROUTER_BY_DNS = "  driver = dnslookup\n  dnssec_request_domains = *\n"


def template(caller, name, target, **places):
    text = (TEMPLATES / name).read_text()
    for word, value in {"WORK": caller.work, "CA": caller.places["ca"], **places}.items():
        text = text.replace(f"@{word}@", str(value))
    target.write_text(text)
    return target


def postfix(caller):
    """Waits until each of `messages` (1) has got a status for the scenario's `fails`: without it delivered, with it not."""
    work = caller.work
    for name in "etc", "queue", "data":
        (work / name).mkdir()
    shutil.chown(work / "data", "postfix")
    main = template(caller, "postfix-client.cf.in", work / "etc" / "main.cf")
    main.write_text(Place.merge(main.read_text(), caller.words("settings")))
    (work / "etc" / "master.cf").write_text(f"127.0.0.1:{INJECT_PORT} inet n - n - - smtpd\n" +
                                            (TEMPLATES / "master.cf.in").read_text())
    process = caller.spaces.start("client", "client.example.org", ["postfix", "-c", work / "etc", "start-fg"])
    caller.spaces.wait_for("client", "127.0.0.1", INJECT_PORT, process)
    log, v = work / "postfix.log", canaries.VALUES
    wanted = r"status=(deferred|bounced)" if caller.table.get("fails") else r"status=sent"
    for number in range(1, caller.table.get("messages", 1) + 1):
        status, output = caller.run(["swaks", "--server", f"127.0.0.1:{INJECT_PORT}", "--helo", "localhost", "--from", v["sender"],
                                     "--to", v["recipient"], "--header", f"Subject: {v['subject']}", "--body", v["body"]])
        if status:
            raise LabError(f"the sending Postfix took no message: {output.decode(errors='replace')[-400:]}")
        wait_until(lambda n=number: len(re.findall(wanted, log.read_text())) >= n, f"no {wanted}: {tail(log, 12)}",
                   caller.timeout)
        time.sleep(caller.table.get("pause", 0.2))
    stop(process, signal.SIGKILL)
    return (75 if caller.table.get("fails") else 0), log.read_bytes()


def exim(caller):
    """One message, delivered in the foreground."""
    v = canaries.VALUES
    settings = caller.words("settings")
    router = ROUTER_BY_DNS if any("dane" in line for line in settings) else ROUTER_BY_NAME
    options = "".join(f"  {line}\n" for line in settings)
    config = template(caller, "exim-client.conf.in", caller.work / "exim.conf", OPTIONS=options, ROUTER=router)
    message = f"From: {v['sender']}\nTo: {v['recipient']}\nSubject: {v['subject']}\n\n{v['body']}\n"
    for name in "spool", "log":
        (caller.work / name).mkdir(exist_ok=True)
        (caller.work / name).chmod(0o777)
    status, output = caller.run(["/usr/sbin/exim4", "-C", config, "-odf", "-f", v["sender"], *caller.words(), v["recipient"]],
                                text_in=message.encode(), packages=folder_of("exim4"), state="exim-client")
    log = Path(caller.work / "log" / "mainlog")
    text = log.read_text() if log.exists() else ""
    if " => " not in text and not status:
        status = 75
    return status, output + text.encode()

# SPDX-License-Identifier: Apache-2.0
"""starttap itself at a tap while a scenario is recorded there: what it says live is compared with the recording afterwards."""
import os
import signal
import subprocess
from pathlib import Path

from spaces import LabError, die_with_parent, stop, wait_until

PATIENCE = 60


class Watch:
    """How to watch: the program, its number of workers, the authorities, and where recordings lie."""

    def __init__(self, program, workers, out):
        self.program, self.workers, self.out = Path(program).resolve(), workers, Path(out)

    def start(self, spaces, tap, interfaces, kernel_filter, folder, extra):
        log = spaces.work / f"watch-{tap}.log"
        words = ["ip", "netns", "exec", spaces.names["middle"], str(self.program), *(w for name in interfaces for w in ("-i", name)),
                 *(["-f", kernel_filter] if kernel_filter else []), "--workers", str(self.workers), "--events", "session,finding,stats",
                 "--set", f"x509.ca_bundle={self.out / 'ca.pem'}", *(word.replace("{dir}", str(self.out)) for word in extra),
                 "-o", f"file:{folder / f'{tap}.live.jsonl'}"]
        with open(log, "wb") as output:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                       preexec_fn=die_with_parent, start_new_session=True)
        process.log = log
        spaces.processes.append(process)

        def ready():
            if process.poll() is not None:
                raise LabError(f"starttap ended: {log.read_text()}")
            return running_sockets(process.pid) >= max(self.workers, len(interfaces))
        wait_until(ready, f"starttap does not watch: {log.read_text()}")
        return process

    def end(self, process):
        """It has written all when it is gone."""
        stop(process, signal.SIGTERM, PATIENCE)
        said = process.log.read_text()
        if process.returncode != 0 or "error" in said or "Sanitizer" in said:
            raise LabError(f"starttap, watching: status {process.returncode}: {said[-700:]}")


def running_sockets(pid):
    """How many packet sockets of a process take packets."""
    try:
        own = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
        rows = [line.split() for line in Path(f"/proc/{pid}/net/packet").read_text().splitlines()[1:]]
    except OSError:
        return 0
    return sum(row[5] == "1" and f"socket:[{row[8]}]" in own for row in rows)

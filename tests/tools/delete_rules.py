#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Deletes each rule of each plugin's table in turn, in a scratch copy, and expects that plugin's test.py to fail: a rule is
there because a test fails without it. A row is one line that begins with { "an.id", or a comment and that, and ends with },

    tests/tools/delete_rules.py [--only PLUGIN...] [--jobs 2] [--scratch DIR]

Takes some minutes, so it is not part of the quick suite. A folder given with --scratch is kept, and the next run builds
only what changed.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROW = re.compile(r'^\s+(?:/\*[^*]*\*/ *)?\{ *"([a-z0-9_]+\.[a-z0-9_.]+)",.*\},\s*(/\*.*\*/)?$')
LEFT_OUT = shutil.ignore_patterns("build", ".git", "node_modules", "samples", "dashboards", "lab", "corpus")


def run(words, folder, **more):
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    return done.returncode, done.stdout


def update(source, target):
    """Copies what differs, so that what is equal is not built again."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
        names = set(os.listdir(source)) - LEFT_OUT(source, os.listdir(source))
        for gone in set(os.listdir(target)) - names:
            path = os.path.join(target, gone)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        for name in names:
            update(os.path.join(source, name), os.path.join(target, name))
        return
    with open(source, "rb") as file:
        data = file.read()
    if os.path.exists(target):
        with open(target, "rb") as file:
            if file.read() == data:
                return
    with open(target, "wb") as file:
        file.write(data)


class Scratch:
    def __init__(self, folder, jobs):
        self.folder, self.jobs = os.path.join(folder, "copy"), jobs
        if os.path.isdir(self.folder):
            for name in ("src", "plugins", "tests", "CMakeLists.txt"):
                update(os.path.join(root, name), os.path.join(self.folder, name))
        else:
            shutil.copytree(root, self.folder, ignore=LEFT_OUT)
        self.environment = dict(os.environ)
        import pki  # the certificates are made once, not in every copy

        self.environment["STARTTAP_TEST_PKI"] = pki.folder()
        code, output = run(["cmake", "-S", ".", "-B", "out", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DBUILD_TESTING=OFF"], self.folder)
        if code:
            sys.exit(output)

    def build(self):
        code, output = run(["cmake", "--build", "out", "--target", "starttap", "-j", str(self.jobs)], self.folder)
        if code:
            sys.exit(output[-3000:])

    def passes(self, test):
        words = [sys.executable, "tests/tools/run_findings.py", "--program", "out/starttap", "--jobs", str(self.jobs), test]
        code, output = run(words, self.folder, env=self.environment)
        return code == 0, output


def rows_of(plugin, folder):
    """(file, line number, id) of every row."""
    for path in sorted(glob.glob(os.path.join(folder, "plugins", plugin, "*.c"))):
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file):
                found = ROW.match(line)
                if found:
                    yield path, number, found.group(1)


def check_plugin(scratch, plugin):
    """(rows, those that no test missed)."""
    test = os.path.join("plugins", plugin, "test.py")
    rows = list(rows_of(plugin, scratch.folder))
    good, output = scratch.passes(test)
    if not good:
        print(f"{test} fails before any row is deleted:\n{output[-2000:]}", flush=True)
        return len(rows), [f"{plugin}: all of it"]
    missed = []
    for path, number, rule in rows:
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines[:number] + ["\n"] + lines[number + 1 :])
        scratch.build()
        if scratch.passes(test)[0]:
            missed.append(f"{os.path.relpath(path, scratch.folder)}:{number + 1}: {rule}")
            print("no test fails without " + missed[-1], flush=True)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)
    scratch.build()
    return len(rows), missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="PLUGIN")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--scratch", metavar="DIR")
    options = parser.parse_args()
    sys.path.insert(0, os.path.join(root, "tests", "tools"))
    plugins = options.only or sorted(os.path.basename(os.path.dirname(path)) for path in glob.glob(os.path.join(root, "plugins", "*", "CMakeLists.txt"))
                                      if os.path.exists(os.path.join(root, "src", "data", "findings", os.path.basename(os.path.dirname(path)) + ".txt")))
    rows, missed = 0, []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Scratch(options.scratch or folder, options.jobs)
        scratch.build()
        for plugin in plugins:
            count, without = check_plugin(scratch, plugin)
            if not count:
                without = [f"{plugin}: no row was found"]
                print(without[0], flush=True)
            rows, missed = rows + count, missed + without
            print(f"{plugin}: {count} rows, {len(without)} without a test", flush=True)
    print(f"{rows} rows in all, {len(missed)} without a test")
    return 1 if missed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""What docs/OPERATIONS.md has to be typed, by the letter, in a machine with a real
systemd.

    tests/deploy/operations_test.py FOLDER   # with debs/

Exits with 77 and the reason if no machine can be booted here.
"""

import glob
import os
import re
import sys
import unittest
from typing import List, Tuple

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, ROOT)
from tests.deploy import nspawn_machine  # noqa: E402

DOCUMENT = os.path.join(ROOT, "docs/OPERATIONS.md")
PROMPTS = {"# ": "root", "$ ": "ada"}


def commands(text: str) -> List[Tuple[str, str, List[str]]]:
    """The user, the command and the lines that it prints, of all console blocks."""
    found: List[Tuple[str, str, List[str]]] = []
    for block in re.findall(r"(?ms)^```console\n(.*?)^```$", text):
        for line in block.splitlines():
            user = PROMPTS.get(line[:2])
            if user is not None:
                found.append((user, line[2:], []))
            else:
                found[-1][2].append(line)
    return found


def matches(promised: List[str], printed: str) -> bool:
    """Whether these lines are there, in this order; "..." is any rest of a line."""
    lines = iter(printed.splitlines())
    for line in promised:
        pattern = ".*".join(map(re.escape, line.split("...")))
        if line != "..." and not any(re.fullmatch(pattern, each) for each in lines):
            return False
    return True


class OperationsTest(unittest.TestCase):
    def test_what_is_to_be_typed(self) -> None:
        with open(DOCUMENT, encoding="utf-8") as file:
            typed = commands(file.read())
        self.assertGreater(len(typed), 20)
        machine = nspawn_machine.NspawnMachine()
        self.addCleanup(machine.remove)
        for path in glob.glob(nspawn_machine.folder + "/debs/*.deb"):
            machine.install(path, "/srv/debs/" + os.path.basename(path))
        machine.boot()
        machine.run("useradd", "--create-home", "ada")
        for user, command, promised in typed:
            ended = machine.run(
                *("runuser", "-u", user, "--", "env", "LC_ALL=C.UTF-8"),
                *("DEBIAN_FRONTEND=noninteractive", "bash", "-c"),
                "cd /srv/debs; " + command,
                check=False,
            )
            told = "%s: exit %d\n%s%s" % (
                *(command, ended.returncode, ended.stdout, ended.stderr),
            )
            self.assertEqual(ended.returncode, 0, told)
            self.assertTrue(matches(promised, ended.stdout), told)


if __name__ == "__main__":
    nspawn_machine.run_tests(str(__doc__))

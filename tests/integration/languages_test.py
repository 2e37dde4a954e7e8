"""C++, Python and OCaml talk to each other through one broker: a typed message
and a request for each ordered pair of them (deploy/demo/talk.*)."""

import os
import subprocess
import sys
import unittest
from typing import Dict, List

from tests.integration.broker_process import BrokerTestCase
from tests.integration.deadline import SECONDS

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/demo")
LANGUAGES = {
    "cpp": ([os.path.join(DEMO, "talk")], "a program in C++"),
    "python": ([sys.executable, os.path.join(DEMO, "talk.py")], "a program in Python"),
    "ocaml": ([os.path.join(DEMO, "talk_ocaml")], "a program in OCaml"),
}


def expected_lines(name: str) -> List[str]:
    partners = [partner for partner in LANGUAGES if partner != name]
    asks = '%s asks %s who it is: "%s"'
    hears = '%s hears %s say: "hello %s"'
    return sorted(
        [asks % (name, partner, LANGUAGES[partner][1]) for partner in partners]
        + [hears % (name, partner, name) for partner in partners]
    )


class LanguagesTest(BrokerTestCase):
    def talk(self, urls: Dict[str, str]) -> None:
        talking = []
        for name, (command, _) in LANGUAGES.items():
            partners = [partner for partner in LANGUAGES if partner != name]
            process = subprocess.Popen(
                [*command, urls[name], name, *partners],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            self.addCleanup(process.wait, SECONDS)
            self.addCleanup(process.kill)
            talking.append((name, process))
        for name, process in talking:
            output, _ = process.communicate(timeout=SECONDS)
            self.assertEqual(sorted(output.splitlines()), expected_lines(name))
            self.assertEqual(process.returncode, 0)

    def test_over_unix(self) -> None:
        broker = self.start_broker()
        self.talk(dict.fromkeys(LANGUAGES, broker.unix_url))

    def test_over_tcp(self) -> None:
        broker = self.start_broker("schema { open: true }")
        self.talk(dict.fromkeys(LANGUAGES, broker.tcp_url))

    def test_each_over_tcp_while_the_others_are_on_unix(self) -> None:
        broker = self.start_broker("schema { open: true }")
        for far in LANGUAGES:
            with self.subTest(far=far):
                self.talk(
                    {
                        name: broker.tcp_url if name == far else broker.unix_url
                        for name in LANGUAGES
                    }
                )


if __name__ == "__main__":
    unittest.main()

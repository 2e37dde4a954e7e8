"""Every line that the broker logs stands in docs/OPERATIONS.md."""

import glob
import os
import re
import unittest
from typing import Iterator, List, Tuple

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
LOG = re.compile(r"\bP?LOG(?:_IF|_EVERY_N)?\((\w+).*?\).*?;\n", re.S)
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


def log_statements() -> Iterator[Tuple[str, List[str]]]:
    """The file, and the texts of each statement that logs."""
    paths = glob.glob(ROOT + "/broker/*.cc") + glob.glob(ROOT + "/bridges/*.cc")
    for path in sorted(paths):
        if path.endswith("_test.cc"):
            continue
        with open(path, encoding="utf-8") as file:
            source = file.read()
        for statement in LOG.finditer(source):
            # Adjoining literals are one text.
            joined = re.sub(r'"\s*\n\s*"', "", statement.group(0))
            texts = [
                text.replace('\\"', '"').strip() for text in LITERAL.findall(joined)
            ]
            yield os.path.basename(path), [t for t in texts if len(t) > 3]


class LogLinesTest(unittest.TestCase):
    def test_each_is_in_the_document(self) -> None:
        with open(ROOT + "/docs/OPERATIONS.md", encoding="utf-8") as file:
            section = file.read().split("## Every line of the log")[1].split("\n## ")[0]
        statements = list(log_statements())
        self.assertGreater(len(statements), 20)
        missing = [
            "%s: %s" % (path, text)
            for path, texts in statements
            for text in texts
            if text not in section
        ]
        self.assertEqual(missing, [])


if __name__ == "__main__":
    unittest.main()

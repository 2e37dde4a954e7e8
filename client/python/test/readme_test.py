"""The code of README.md, run as it stands."""

import os
import re
import subprocess
import sys

import pytest

from tests.integration.broker_process import BrokerProcess
from tests.integration.deadline import SECONDS

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../README.md")
with open(README, encoding="utf-8") as file:
    EXAMPLES = re.findall(
        r"```python\n(.*?)```\n```text\n(.*?)```\n", file.read(), re.S
    )


def test_the_page_has_its_examples() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("code, expected", EXAMPLES)
def test_an_example_prints_what_it_says(
    broker: BrokerProcess, code: str, expected: str
) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "MYCELIUM_URL": broker.unix_url,
    }
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=SECONDS,
        check=False,
    )
    assert (result.stdout, result.stderr, result.returncode) == (expected, "", 0)

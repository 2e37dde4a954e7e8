#!/usr/bin/env python3
"""Runs `bazel test` and closes with a line that counts.

Usage: tests/bazel_test.py LABEL [bazel flags and targets]

The last line is "LABEL: 12 passed, 1 failed"; a target that did not build, or
did not run, has failed.  Exits as bazel does.
"""
import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
import xml.etree.ElementTree as ElementTree
from typing import Dict, List, Tuple


def count_cases(uri: str) -> int:
    path = urllib.parse.unquote(urllib.parse.urlparse(uri).path)
    try:
        return sum(1 for _ in ElementTree.parse(path).getroot().iter("testcase"))
    except (ElementTree.ParseError, OSError):
        return 0


def read_events(path: str) -> Tuple[Dict[str, str], int]:
    """Each test target's status, and the number of test cases in all."""
    status: Dict[str, str] = {}
    logs: Dict[Tuple[str, int], str] = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            name = event["id"]
            if "testSummary" in name:
                label = name["testSummary"]["label"]
                status[label] = event["testSummary"]["overallStatus"]
            elif "testResult" in name:
                shard = (
                    name["testResult"]["label"],
                    name["testResult"].get("shard", 0),
                )
                for output in event["testResult"].get("testActionOutput", []):
                    if output["name"] == "test.xml":
                        logs[shard] = output["uri"]
            elif "targetConfigured" in name:
                if event.get("configured", {}).get("testSize"):
                    status.setdefault(name["targetConfigured"]["label"], "NO_STATUS")
    return status, sum(count_cases(uri) for uri in logs.values())


def main(label: str, arguments: List[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        events = os.path.join(folder, "events.json")
        command = ["bazel", "test", "--keep_going", "--build_event_json_file=" + events]
        code = subprocess.call(command + arguments)
        if not os.path.exists(events):
            print(f"{label}: 0 passed, 1 failed")
            return code or 1
        status, cases = read_events(events)
    passed = sum(s in ("PASSED", "FLAKY") for s in status.values())
    for target in sorted(t for t, s in status.items() if s not in ("PASSED", "FLAKY")):
        print(f"{label}: {status[target]} {target}")
    print(f"{label}: {cases} test cases in {len(status)} targets")
    print(f"{label}: {passed} passed, {len(status) - passed} failed")
    return code


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:] or ["//..."]))

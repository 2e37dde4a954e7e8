"""Makes the wheel of the pure Python package, byte for byte the same each time.

Usage: make_wheel.py WHEEL FILE...

Of the files, those in a folder mycelium/ go in; pyproject.toml and README.md say
the metadata.  It is what `pip wheel .` makes, without setuptools and pip.
"""

import base64
import hashlib
import os
import re
import sys
import zipfile
from typing import Dict, List

EPOCH = (1980, 1, 1, 0, 0, 0)


def value_of(key: str, pyproject: str) -> str:
    found = re.search(rf'^{key} = (?:\{{ text = )?"([^"]*)"', pyproject, re.M)
    if found is None:
        raise SystemExit(f"pyproject.toml: no {key}")
    return found.group(1)


def metadata(pyproject: str, readme: str) -> str:
    lines = ["Metadata-Version: 2.1"]
    for header, key in [
        ("Name", "name"),
        ("Version", "version"),
        ("Summary", "description"),
        ("License", "license"),
        ("Requires-Python", "requires-python"),
    ]:
        lines.append(f"{header}: {value_of(key, pyproject)}")
    for classifier in re.findall(r'^    "(.* :: .*)",$', pyproject, re.M):
        lines.append(f"Classifier: {classifier}")
    lines.append("Description-Content-Type: text/markdown")
    return "\n".join(lines) + "\n\n" + readme


def record(files: Dict[str, bytes], own_name: str) -> bytes:
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
        lines.append(f"{name},sha256={digest.rstrip(b'=').decode()},{len(data)}\n")
    return "".join(lines + [f"{own_name},,\n"]).encode()


def main(wheel: str, paths: List[str]) -> None:
    sources: Dict[str, bytes] = {}
    for path in paths:
        with open(path, "rb") as file:
            folder = os.path.basename(os.path.dirname(path))
            name = os.path.basename(path)
            sources[f"mycelium/{name}" if folder == "mycelium" else name] = file.read()
    pyproject = sources.pop("pyproject.toml").decode()
    readme = sources.pop("README.md").decode()
    info = f"{value_of('name', pyproject)}-{value_of('version', pyproject)}.dist-info/"
    files = dict(sorted(sources.items()))
    files[info + "METADATA"] = metadata(pyproject, readme).encode()
    files[info + "WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: mycelium\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n"
    )
    files[info + "RECORD"] = record(files, info + "RECORD")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

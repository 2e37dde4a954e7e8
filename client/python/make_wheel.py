"""Makes the wheel: the same bytes from the same files, wherever and whenever.

Usage: make_wheel.py WHEEL NAME VERSION TAG SUMMARY DESCRIPTION.md ARCHIVE_PATH=FILE...

It needs neither setuptools nor pip.
"""

import base64
import hashlib
import sys
import zipfile
from typing import List, Tuple

# The first time that a zip archive can say.
LONG_AGO = (1980, 1, 1, 0, 0, 0)
METADATA = """\
Metadata-Version: 2.1
Name: {name}
Version: {version}
Summary: {summary}
License: Apache-2.0
Requires-Python: >=3.9
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3
Classifier: Typing :: Typed
Description-Content-Type: text/markdown

{description}"""
WHEEL = """\
Wheel-Version: 1.0
Generator: mycelium
Root-Is-Purelib: {is_pure}
Tag: {tag}
"""


def record_line(path: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"{path},sha256={digest.decode().rstrip('=')},{len(content)}\n"


def write_wheel(wheel: str, files: List[Tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files:
            entry = zipfile.ZipInfo(path, LONG_AGO)
            entry.create_system = 3  # Unix, wherever it is made
            entry.external_attr = (0o100755 if ".so" in path else 0o100644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)


def main() -> None:
    wheel, name, version, tag, summary, description, *parts = sys.argv[1:]
    files = []
    for part in sorted(parts):
        path, _, source = part.partition("=")
        with open(source, "rb") as file:
            files.append((path, file.read()))
    with open(description, encoding="utf-8") as file:
        metadata = METADATA.format(
            name=name, version=version, summary=summary, description=file.read()
        )
    info = f"{name}-{version}.dist-info"
    files.append((f"{info}/METADATA", metadata.encode()))
    files.append(
        (
            f"{info}/WHEEL",
            WHEEL.format(tag=tag, is_pure=str(tag.endswith("-any")).lower()).encode(),
        )
    )
    lines = [record_line(path, content) for path, content in files]
    record = f"{info}/RECORD"
    files.append((record, ("".join(lines) + f"{record},,\n").encode()))
    write_wheel(wheel, files)


if __name__ == "__main__":
    main()

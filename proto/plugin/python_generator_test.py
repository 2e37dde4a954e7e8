"""The modules that the plugin writes for Python: their text, their names, their
imports and their types.

After a change of the generator:
  bazel run //proto/plugin:python_generator_test -- --update
"""

import ast
import inspect
import keyword
import os
import re
import shutil
import subprocess
import sys
import unittest
from typing import List, Set

from proto.plugin.protoc import ROOT, ProtocTestCase

GENERATED = {
    "mycelium_protocol.py": "proto/mycelium_protocol_python_gen",
    "google_protobuf_duration.py": "tests/schemas/wide_python_gen",
    "google_protobuf_struct.py": "tests/schemas/wide_python_gen",
    "google_protobuf_timestamp.py": "tests/schemas/wide_python_gen",
    "google_protobuf_wrappers.py": "tests/schemas/wide_python_gen",
    "shapes.py": "tests/schemas/wide_python_gen",
    "wide.py": "tests/schemas/wide_python_gen",
}
GOLDEN_FOLDER = "proto/plugin/golden/python"
GOLDEN = [
    "mycelium_protocol.py",
    "google_protobuf_timestamp.py",
    "shapes.py",
    "wide.py",
]
HEAD = 'syntax = "proto3"; package chat; import "mycelium/options.proto";\n'
USER = """
from typing import List
from mycelium_protocol import TextMessage

message = TextMessage(sender="ada", timestamp=1)
texts: List[str] = [message.sender, TextMessage.from_bytes(b"").content]
size: int = len(message.to_bytes()) + TextMessage.TYPE_ID
class Loud(TextMessage): ...
loud: Loud = Loud.from_bytes(b"")
"""
USER_FAULTS = {
    "TextMessage(sender=5)": "arg-type",
    "TextMessage(nobody=5)": "call-arg",
    "message.timestamp = None": "assignment",
    "message.nobody": "attr-defined",
    "TextMessage.from_bytes('text')": "arg-type",
}


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


class GoldenTest(unittest.TestCase):
    maxDiff = None

    def test_modules_are_as_they_were(self) -> None:
        for name in GOLDEN:
            with self.subTest(name):
                self.assertEqual(
                    read(os.path.join(ROOT, GENERATED[name], name)),
                    read(os.path.join(ROOT, GOLDEN_FOLDER, name)),
                    __doc__,
                )


class GeneratorTest(ProtocTestCase):
    def generate(self, *files: str) -> None:
        self.assertEqual(self.protoc(*files), [])

    def assert_format(self) -> None:
        """That black would leave what was generated as it is."""
        black = [sys.executable, "-m", "black", "--check", "--quiet", "--diff", "."]
        subprocess.run(black, cwd=self.folder, check=True)

    def mypy(self, *files: str) -> List[str]:
        """The codes of what it finds, for the oldest Python that is served."""
        command = [sys.executable, "-m", "mypy", "--strict", "--python-version=3.9"]
        command += ["--show-error-codes", "--explicit-package-bases"]
        result = subprocess.run(
            [*command, "--cache-dir=.mypy", *files],
            cwd=self.folder,
            env={**os.environ, "MYPYPATH": "."},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        codes = re.findall(r": error: .*\[([a-z-]+)\]$", result.stdout, re.MULTILINE)
        self.assertEqual(result.returncode, 1 if codes else 0, result.stdout)
        return codes

    def test_types_are_complete_and_hold_for_the_user(self) -> None:
        for name, folder in GENERATED.items():
            shutil.copy(os.path.join(ROOT, folder, name), self.folder)
        self.assertEqual(self.mypy(*GENERATED), [])
        self.write("user.py", USER)
        self.assertEqual(self.mypy("user.py"), [])
        self.write("user.py", "\n".join([USER, *USER_FAULTS]))
        self.assertEqual(self.mypy("user.py"), list(USER_FAULTS.values()))

    def test_no_name_is_in_the_way(self) -> None:
        """Messages, fields and enum values with each name that the language or
        the generated code has itself."""
        names = sorted({*keyword.kwlist, *names_in_golden(), "mro"})
        # What differs only in case or underscores protoc refuses in one message.
        distinct = {name.replace("_", "").lower(): name for name in names}
        self.write("names.proto", names_proto(names, list(distinct.values())))
        self.generate("names.proto")
        self.assertEqual(self.mypy("names.py"), [])
        module = self.load("names")
        for kind in (module.Scalars, module.Messages):
            fields = [name for name, _ in kind._FIELDS.values()]
            self.assertEqual(len(set(fields)), len(distinct))
            self.assertEqual(kind.from_bytes(kind().to_bytes()), kind())
            filled = kind(**{f: 1 if kind is module.Scalars else None for f in fields})
            self.assertEqual(kind.from_bytes(filled.to_bytes()), filled)

    def test_name_that_is_taken_gets_another_underscore(self) -> None:
        self.write("chat.proto", HEAD + "message None_ {} message None {} message A {}")
        self.generate("chat.proto")
        chat = self.load("chat")
        self.assertEqual(chat.None_.FULL_NAME, "chat.None_")
        self.assertEqual(chat.None__.FULL_NAME, "chat.None")

    def test_imports_go_across_folders_and_packages(self) -> None:
        self.write(
            "base/shape-v1.proto",
            'syntax = "proto3"; package base; message Point { int32 x = 1; }\n'
            "enum Color { NONE = 0; RED = 1; }",
        )
        self.write(
            "deep/down/shape-v1.proto",
            'syntax = "proto3"; package deep; import public "base/shape-v1.proto";\n'
            "message Point { base.Point base = 1; }",
        )
        self.write(
            "dir/chat.proto",
            HEAD + 'import "base/shape-v1.proto"; import "google/protobuf/any.proto";\n'
            'import "deep/down/shape-v1.proto"; message A {\n'
            "  option (mycelium.type_id) = 1; base.Point base = 1;\n"
            "  deep.Point deep = 2; base.Color color = 3; google.protobuf.Any any = 4;\n"
            "  map<int32, base.Color> colors = 5;\n"
            "}",
        )
        files = ("base/shape-v1", "deep/down/shape-v1", "dir/chat")
        self.generate(*(file + ".proto" for file in files))
        self.assertEqual(
            self.mypy("base/shape_v1.py", "deep/down/shape_v1.py", "dir/chat.py"), []
        )
        chat = self.load("dir.chat")
        base, deep = self.load("base.shape_v1"), self.load("deep.down.shape_v1")
        message = chat.A(
            base=base.Point(x=1),
            deep=deep.Point(base=base.Point(x=2)),
            color=base.Color.RED,
            any=self.load("google_protobuf_any").Any(type_url="a"),
            colors={1: base.Color.RED},
        )
        self.assertEqual(chat.A.from_bytes(message.to_bytes()), message)
        self.assertIs(deep.Color, base.Color)
        self.assert_format()

    def test_enum_may_be_used_before_its_message_and_in_a_circle(self) -> None:
        self.write(
            "chat.proto",
            HEAD + "message A { B.Kind kind = 1; enum Kind { A0 = 0; } B b = 2; }\n"
            "message B { A.Kind kind = 1; enum Kind { B0 = 0; } A a = 2; }",
        )
        self.generate("chat.proto")
        chat = self.load("chat")
        self.assertIs(chat.A().kind, chat.B.Kind.B0)
        message = chat.A(b=chat.B(a=chat.A(b=chat.B())))
        self.assertEqual(chat.A.from_bytes(message.to_bytes()), message)

    def test_comments_of_any_form_are_docstrings(self) -> None:
        self.write(
            "chat.proto",
            f"""{HEAD}
            // "Quoted", with \\ and \"\"\".
            //
            //   Further in.
            //
            //     And further.
            message A {{
              int32 x = 1;  // Behind it.
              /* A block,
               * in lines.
               */
              int32 from = 2;
              // {'Long. ' * 14}
              int32 z = 3;
              // A choice.
              oneof choice {{ int32 a = 4; }}
            }}
            //
            message B {{}}
            // Grüße "quoted"
            enum E {{ ZERO = 0; }}
            """,
            encoding="latin-1",
        )
        self.generate("chat.proto")
        chat = self.load("chat")
        self.assertEqual(
            inspect.getdoc(chat.A),
            '"Quoted", with \\ and """.\n\nFurther in.\n\n  And further.',
        )
        self.assertEqual(inspect.getdoc(chat.B), "Message chat.B.")
        self.assertEqual(inspect.getdoc(chat.E), 'Gr??e "quoted" ')
        self.assertIn("A choice.", chat.A.which_choice.__doc__)
        text = read(os.path.join(self.folder, "chat.py"))
        self.assertIn('    x: int = 0\n    """Behind it."""\n', text)
        self.assertIn(
            '    """A block,\n    in lines.\n\n    `from` in the .proto file."""\n',
            text,
        )
        self.assert_format()


def names_in_golden() -> Set[str]:
    """Those that code for a message brings along."""
    names = {"cls"}
    for node in ast.walk(
        ast.parse(read(os.path.join(ROOT, GOLDEN_FOLDER, "shapes.py")))
    ):
        for attribute in ("id", "attr", "arg", "name", "asname"):
            name = getattr(node, attribute, None)
            if isinstance(name, str) and name.isidentifier():
                names.add(name)
    return names


def names_proto(names: List[str], distinct: List[str]) -> str:
    def numbered(kind: str) -> str:
        pairs = enumerate(distinct, 1)
        return "".join(f"{kind.format(name)} {name} = {n};\n" for n, name in pairs)

    return (
        'syntax = "proto3"; package names;\n'
        + "".join(f"message {name} {{ int32 {name} = 1; }}\n" for name in names)
        + "message Messages {\n" + numbered(".names.{}") + "}\n"
        + "message Scalars {\n" + numbered("int32") + "}\n"
        + "message Values {\nenum Zzz {\nZERO = 0;\n" + numbered("") + "}\n"
        + "Zzz zzz = 1;\n}\n"
    )  # fmt: skip


def write_golden() -> None:
    folder = os.path.join(os.environ["BUILD_WORKSPACE_DIRECTORY"], GOLDEN_FOLDER)
    for name in GOLDEN:
        source = os.path.join(ROOT, GENERATED[name], name)
        shutil.copyfile(source, os.path.join(folder, name))


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        write_golden()
    else:
        unittest.main()

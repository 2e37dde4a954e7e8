"""What protoc-gen-mycelium refuses, in exactly these words."""

import unittest

from proto.plugin.protoc import ProtocTestCase

PATH = "chat.proto"
HEAD = 'syntax = "proto3"; package chat; import "mycelium/options.proto";\n'
BASE = (
    HEAD.replace("chat", "base")
    + "option (mycelium.type_ids) = { first: 10 last: 19 };"
)


class PluginTest(ProtocTestCase):
    def assert_refused(self, source: str, *faults: str, path: str = PATH) -> None:
        self.write(path, source)
        self.assertEqual(self.protoc(path), ["--mycelium_out: ", *faults])

    def test_message_without_type_id_is_no_fault(self) -> None:
        self.write(PATH, HEAD + "message A {}")
        self.assertEqual(self.protoc(PATH), [])

    def test_duplicate_type_id(self) -> None:
        self.assert_refused(
            HEAD + "message A { option (mycelium.type_id) = 7; }\n"
            "message B {\n  option (mycelium.type_id) = 7;\n}\n",
            "chat.proto:4:3: type_id 7 of chat.B, which chat.A has already "
            "(chat.proto:2:13)",
        )

    def test_duplicate_type_id_of_an_imported_file(self) -> None:
        self.write("base.proto", HEAD + "message A { option (mycelium.type_id) = 7; }")
        self.assert_refused(
            HEAD + 'import "base.proto";\n'
            "message B { A a = 1; option (mycelium.type_id) = 7; }",
            "chat.proto:3:22: type_id 7 of chat.B, which chat.A has already "
            "(base.proto:2:13)",
        )

    def test_type_id_0_and_type_id_too_large(self) -> None:
        self.assert_refused(
            HEAD + "message A { option (mycelium.type_id) = 0; }\n"
            "message B { message C { option (mycelium.type_id) = 65536; } }",
            "chat.proto:2:13: type_id 0 of chat.A, allowed 1 to 65535",
            "chat.proto:3:25: type_id 65536 of chat.B.C, allowed 1 to 65535",
        )

    def test_type_id_outside_of_the_range_of_its_package(self) -> None:
        self.assert_refused(
            HEAD + "option (mycelium.type_ids) = { first: 10 last: 19 };\n"
            "message A { option (mycelium.type_id) = 20; }",
            "chat.proto:3:13: type_id 20 of chat.A, allowed 10 to 19, the type_ids "
            "of package chat",
        )

    def test_type_id_in_the_range_of_another_package(self) -> None:
        self.write("base.proto", BASE)
        self.assert_refused(
            HEAD + 'import "base.proto";\n'
            "message A { option (mycelium.type_id) = 19; }",
            "chat.proto:3:13: type_id 19 of chat.A, which base.proto reserves for "
            "package base",
        )

    def test_ranges_that_are_none_or_overlap(self) -> None:
        self.write("base.proto", BASE)
        self.assert_refused(
            HEAD + "option (mycelium.type_ids) = { first: 0 last: 65536 };",
            "chat.proto:2:1: type_ids 0 to 65536, allowed a range within 1 to 65535",
        )
        self.assert_refused(
            HEAD + 'import "base.proto";\n'
            "option (mycelium.type_ids) = { first: 19 last: 30 };",
            "chat.proto:3:1: type_ids 19 to 30, of which base.proto reserves 10 to "
            "19 for package base",
        )

    def test_proto2(self) -> None:
        self.assert_refused(
            'syntax = "proto2"; message A { required int32 x = 1; }',
            'chat.proto:1:1: syntax proto2, allowed syntax = "proto3" (there are no '
            "groups, extensions or required fields)",
        )

    def test_field_of_a_proto2_type(self) -> None:
        self.write("old.proto", 'syntax = "proto2"; package old; message Old {}')
        self.assert_refused(
            HEAD + 'import "old.proto";\nmessage A { old.Old old = 1; }',
            "chat.proto:3:13: chat.A.old is old.Old of old.proto, which is proto2, "
            "allowed types of proto3 files",
        )

    def test_unknown_language(self) -> None:
        self.write(PATH, HEAD)
        for language in ("pascal", ""):
            self.assertEqual(
                self.protoc(PATH, language=language),
                [
                    f'--mycelium_out: language "{language}", allowed cpp, ocaml or '
                    "python: --mycelium_out=python:FOLDER"
                ],
            )

    def test_python_module_of_the_standard_library(self) -> None:
        self.assert_refused(
            HEAD,
            "queue.proto:1:1: the Python module queue would hide the standard "
            "library's, allowed another file name",
            path="queue.proto",
        )
        self.assert_refused(
            HEAD,
            "email/chat.proto:1:1: the Python module email.chat would hide the "
            "standard library's email, allowed another folder name",
            path="email/chat.proto",
        )
        self.write("chat/queue.proto", HEAD)
        self.assertEqual(self.protoc("chat/queue.proto"), [])

    def test_python_module_that_could_not_be_imported(self) -> None:
        for file, module, part in (
            ("class.proto", "class", "class"),
            ("a/2d.proto", "a.2d", "2d"),
            ("a.b/chat.proto", "a.b.chat", "a.b"),
        ):
            self.assert_refused(
                HEAD,
                f"{file}:1:1: the Python module {module} could not be imported for "
                f'"{part}", allowed a name of letters, digits and _ that is no keyword',
                path=file,
            )


if __name__ == "__main__":
    unittest.main()

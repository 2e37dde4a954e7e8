"""Runs protoc with the plugin for a test, and imports what comes of it."""

import importlib
import os
import subprocess
import sys
import tempfile
import types
import unittest
from typing import Dict, List

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLUGIN = os.path.join(ROOT, "proto/plugin/protoc-gen-mycelium")


class ProtocTestCase(unittest.TestCase):
    """Each test has a folder of its own, for .proto files and generated code."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        sys.path.insert(0, self.folder)
        self.addCleanup(sys.path.remove, self.folder)
        self.addCleanup(self._forget_modules, set(sys.modules))

    def _forget_modules(self, others: "set[str]") -> None:
        for module in set(sys.modules) - others:
            del sys.modules[module]

    def write(self, path: str, source: str, encoding: str = "utf-8") -> None:
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding=encoding) as file:
            file.write(source)

    def protoc(self, *files: str, language: str = "python") -> List[str]:
        """What the plugin has against `files`, a line each; none: all went well."""
        command = ["protoc", "--plugin=" + PLUGIN, "-I" + ROOT + "/proto", "-I."]
        result = subprocess.run(
            [*command, f"--mycelium_out={language}:.", *files],
            cwd=self.folder,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if result.returncode == 0:
            return []
        lines = result.stderr.splitlines()
        return [line for line in lines if ": warning: Import " not in line]

    def load(self, module: str) -> types.ModuleType:
        importlib.invalidate_caches()
        return importlib.import_module(module)

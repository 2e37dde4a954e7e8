#!/usr/bin/env python3
"""The Debian packages, installed in a machine with a real systemd.

    tests/deploy/debian_test.py FOLDER   # with debs/

Exits with 77 and the reason if no machine can be booted here.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from typing import Any, Dict, List

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, ROOT)
from tests.deploy import nspawn_machine  # noqa: E402
from tests.integration.deadline import wait_until  # noqa: E402

SERVICE = "mycelium-brokerd.service"
CONFIG = "/etc/mycelium/brokerd.textproto"
CLIENT = os.path.join(ROOT, "tests/deploy/continuous_client.py")
OPERATIONS = os.path.join(ROOT, "docs/OPERATIONS.md")
NAMES = {
    "libmycelium-dev",
    "libmycelium-ffi0",
    "mycelium-brokerd",
    "mycelium-cli",
    "python3-mycelium",
}
# What is installed in the machine; libmycelium-dev is for where compilers are.
INSTALLED = ("mycelium-brokerd", "mycelium-cli", "libmycelium-ffi0", "python3-mycelium")
SECONDS = 60.0


def output(*command: str, **environment: str) -> str:
    ended = subprocess.run(
        command,
        env=dict(os.environ, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if ended.returncode != 0:
        raise AssertionError(
            "%s: exit %d\n%s" % (" ".join(command), ended.returncode, ended.stdout)
        )
    return ended.stdout


def deb(name: str) -> str:
    (path,) = glob.glob(os.path.join(nspawn_machine.folder, "debs", name + "_*.deb"))
    return path


def field(path: str, name: str) -> str:
    return output("dpkg-deb", "-f", path, name).strip()


def newer(folder: str) -> None:
    """The packages with a higher version, and another default configuration."""
    for name in INSTALLED:
        root = os.path.join(folder, name)
        output("dpkg-deb", "-R", deb(name), root)
        control = root + "/DEBIAN/control"
        with open(control, encoding="utf-8") as file:
            text = file.read()
        with open(control, "w", encoding="utf-8") as file:
            file.write(re.sub(r"(?m)^(Version: .*)$", r"\1+newer", text))
        if os.path.exists(root + CONFIG):
            with open(root + CONFIG, "a", encoding="utf-8") as file:
                file.write("# Of the newer version.\n")
        output("dpkg-deb", "--root-owner-group", "-Znone", "-b", root, folder)
        shutil.rmtree(root)


class PackagesTest(unittest.TestCase):
    """What the packages are, without installing them."""

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="mycelium-debs.")
        self.addCleanup(shutil.rmtree, self.folder)

    def test_lintian_has_no_error_and_no_warning(self) -> None:
        debs = [deb(name) for name in sorted(NAMES)]
        flags = ["--fail-on", "error,warning", "--allow-root"]
        self.assertEqual(output("lintian", *flags, *debs), "")

    def test_all_have_the_version_of_the_programs(self) -> None:
        found = {
            field(path, "Package"): path
            for path in glob.glob(nspawn_machine.folder + "/debs/*")
        }
        self.assertEqual(set(found), NAMES)
        output("dpkg-deb", "-x", deb("mycelium-cli"), self.folder)
        said = output(self.folder + "/usr/bin/mycelium", "--version").split()[1]
        self.assertEqual({field(path, "Version") for path in found.values()}, {said})

    def test_the_tool_s_documents_name_all_its_commands(self) -> None:
        output("dpkg-deb", "-x", deb("mycelium-cli"), self.folder)
        tool = self.folder + "/usr/bin/mycelium"
        commands = re.findall(r"(?m)^  ([a-z]+) +\w", output(tool, "--help"))
        self.assertIn("pub", commands)
        page = output("zcat", self.folder + "/usr/share/man/man1/mycelium.1.gz")
        completion = self.folder + "/usr/share/bash-completion/completions/mycelium"
        script = (
            '. "$0"; COMP_WORDS=(mycelium "${@}"); COMP_CWORD=$#; _mycelium;'
            ' echo "${COMPREPLY[@]}"'
        )
        path = self.folder + "/usr/bin:" + os.environ["PATH"]
        completed = output("bash", "-c", script, completion, "", PATH=path).split()
        for command in commands:
            self.assertRegex(page, r"(?m)^\.BI? %s\b" % command)
        self.assertEqual(sorted(completed), sorted(set(commands) | {"help"}))
        flags = output("bash", "-c", script, completion, "sub", "--que", PATH=path)
        self.assertEqual(flags.split(), ["--queue_bytes"])

    def test_programs_in_c_and_cpp_are_built_with_what_is_in_them(self) -> None:
        for name in ("libmycelium-dev", "libmycelium-ffi0"):
            output("dpkg-deb", "-x", deb(name), self.folder)
        usr = self.folder + "/usr"
        (lib,) = glob.glob(usr + "/lib/*-linux-gnu")
        os.environ["PKG_CONFIG_PATH"] = lib + "/pkgconfig"
        self.addCleanup(os.environ.pop, "PKG_CONFIG_PATH")

        def flags(package: str) -> List[str]:
            command = ["pkg-config", "--define-variable=prefix=" + usr]
            return output(*command, "--cflags", "--libs", package).split()

        program = self.folder + "/demo"
        demo = os.path.join(ROOT, "client/c/demo.c")
        output("cc", demo, "-o", program, *flags("mycelium"))
        self.assertIn("the answer is 42", output(program, LD_LIBRARY_PATH=lib))
        protoc = ["protoc", "-I" + usr + "/include", "-I" + ROOT + "/proto"]
        protoc.append("--plugin=" + usr + "/bin/protoc-gen-mycelium")
        made = ["--cpp_out=" + self.folder, "--mycelium_out=cpp:" + self.folder]
        output(*protoc, *made, "mycelium_protocol.proto")
        sources = glob.glob(self.folder + "/*.cc")
        sources.append(os.path.join(ROOT, "deploy/demo/conversation.cc"))
        command = ["g++", "-std=c++20", "-I" + self.folder, "-o", program, *sources]
        output(*command, *flags("mycelium_cpp"))
        self.assertIn("42, over the same url", output(program, "inproc:"))


class MachineTest(unittest.TestCase):
    """Each in a fresh machine, with the packages in /root/debs."""

    def setUp(self) -> None:
        self.machine = nspawn_machine.NspawnMachine()
        self.addCleanup(self.machine.remove)
        for name in INSTALLED:
            target = "/root/debs/" + os.path.basename(deb(name))
            self.machine.install(deb(name), target)
        self.machine.install(CLIENT, "/srv/continuous_client.py")

    def boot(self) -> None:
        self.machine.boot()
        self.sh("useradd --create-home ada")

    def sh(self, command: str) -> str:
        return self.machine.run(
            *("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"),
            *("sh", "-ec", "cd /root/debs; " + command),
        ).stdout

    def as_ada(self, command: str) -> str:
        return self.machine.run(
            "runuser", "-u", "ada", "--", "sh", "-c", command
        ).stdout

    def property(self, name: str) -> str:
        return self.sh("systemctl show -P %s %s" % (name, SERVICE)).strip()

    def install_all(self) -> None:
        self.sh("apt-get install -y ./*.deb")
        self.sh("adduser ada mycelium")

    def files_of_mycelium(self) -> List[str]:
        """All that is called so, but for the packages and what tells of them."""
        found = self.sh(
            "find / -xdev -iname '*mycelium*' ! -path '/root/debs*' ! -path '/proc/*'"
            " ! -path '/srv/*'"
        )
        return sorted(found.splitlines())

    def client_file(self, name: str) -> Dict[str, Any]:
        text = self.sh("cat /home/ada/%s 2>/dev/null || echo null" % name)
        loaded: Dict[str, Any] = json.loads(text) or {}
        return loaded

    def is_connected_again(self) -> bool:
        states: List[str] = self.client_file("state")["states"]
        return states[-2:] == ["reconnecting", "connected"]

    # --- Installed ------------------------------------------------------------

    def test_the_service_serves_once_it_is_installed(self) -> None:
        self.boot()
        self.sh("apt-get install -y ./*.deb")
        self.assertEqual(self.property("ActiveState"), "active")
        self.assertEqual(self.property("UnitFileState"), "enabled")
        refused = self.machine.run(
            "runuser",
            "-u",
            "ada",
            "--",
            "mycelium",
            "ping",
            "--count",
            "1",
            check=False,
        )
        self.assertEqual(refused.returncode, 1)
        self.assertIn("permission denied, the socket has mode 0660", refused.stderr)
        self.sh("adduser ada mycelium")
        said = self.as_ada(
            "python3 -c 'import mycelium\n"
            "with mycelium.connect() as client:\n"
            "    with client.subscribe(7) as subscription:\n"
            '        client.publish_bytes(7, b"hello")\n'
            "        print(next(iter(subscription)))'"
        )
        self.assertEqual(said, "b'hello'\n")
        linked = self.sh(
            "python3 -c 'import ctypes\n"
            'library = ctypes.CDLL("libmycelium_ffi.so.0")\n'
            "library.mycelium_version.restype = ctypes.c_char_p\n"
            "print(library.mycelium_version().decode())\n"
            "import importlib.metadata\n"
            'print(importlib.metadata.version("mycelium"))\'; dpkg --verify'
        )
        version = field(deb("libmycelium-ffi0"), "Version")
        self.assertEqual(linked.split(), [version] * 2)

    def test_an_upgrade_keeps_the_configuration_and_what_was_accepted(self) -> None:
        folder = tempfile.mkdtemp(prefix="mycelium-newer.")
        self.addCleanup(shutil.rmtree, folder)
        newer(folder)
        for path in glob.glob(folder + "/*.deb"):
            self.machine.install(path, "/root/newer/" + os.path.basename(path))
        self.boot()
        self.install_all()
        # A newcomer gets what the new broker accepted before it was back.
        self.sh("echo 'history { types: [7] frames_max: 1000000 }' >>" + CONFIG)
        self.sh("systemctl restart " + SERVICE)
        client = self.machine.start(
            *("runuser", "-u", "ada", "--", "python3", "/srv/continuous_client.py"),
            "/home/ada",
        )
        wait_until(lambda: bool(self.client_file("state").get("received")), "a message")
        before = self.property("MainPID")
        self.sh(
            "apt-get install -y -o Dpkg::Options::=--force-confold /root/newer/*.deb"
        )
        self.assertNotEqual(self.property("MainPID"), before)
        self.assertIn("+newer", self.sh("dpkg-query -W mycelium-brokerd"))
        self.assertIn("history { types: [7]", self.sh("tail -n 1 " + CONFIG))
        self.assertIn("newer version", self.sh("tail -n 1 %s.dpkg-dist" % CONFIG))
        wait_until(self.is_connected_again, "the client is connected again")
        self.sh("touch /home/ada/stop")
        printed, errors = client.communicate(timeout=SECONDS)
        self.assertEqual(client.returncode, 0, printed + errors)
        seen = self.client_file("result")
        received = seen["received"]
        self.assertEqual(set(seen["accepted"]) - set(received), set())
        self.assertEqual(received, sorted(set(received)))
        self.assertLessEqual(len(seen["doubtful"]), 1)
        # What nobody can know is said: whether the old broker had more.
        gap = {"frames": 0, "unknown": True, "reason": "RECONNECT"}
        self.assertEqual(seen["gaps"], [gap])
        self.assertIn(
            "stopped",
            self.sh("journalctl -o cat --no-pager -u " + SERVICE).splitlines(),
        )

    def test_a_disabled_service_stays_so(self) -> None:
        self.boot()
        self.install_all()
        self.sh("systemctl disable --now " + SERVICE)
        self.sh("apt-get install -y --reinstall ./mycelium-brokerd_*.deb")
        self.assertEqual(self.property("ActiveState"), "inactive")
        self.assertEqual(self.property("UnitFileState"), "disabled")

    def test_what_its_socket_has_started_is_upgraded_too(self) -> None:
        self.boot()
        self.install_all()
        self.sh("systemctl disable --now " + SERVICE)
        self.sh("systemctl enable --now mycelium-brokerd.socket")
        self.as_ada("mycelium ping --count 1")
        before = self.property("MainPID")
        self.sh("apt-get install -y --reinstall ./mycelium-brokerd_*.deb")
        self.as_ada("mycelium ping --count 1")
        self.assertNotIn(self.property("MainPID"), (before, "0"))
        self.assertEqual(self.property("UnitFileState"), "disabled")
        self.sh("apt-get purge -y mycelium-brokerd")
        self.assertEqual(
            self.sh("systemctl list-units -q --all '*mycelium*' --state=active"), ""
        )
        self.assertEqual(self.sh("ls -d /run/mycelium || echo none"), "none\n")

    def test_remove_purge_and_install_again(self) -> None:
        self.boot()
        before = self.files_of_mycelium()
        self.install_all()
        self.sh("echo '# mine' >>%s; echo other >/etc/mycelium/other" % CONFIG)
        self.sh("touch /home/ada/hers; chown mycelium /home/ada/hers")
        names = " ".join(INSTALLED)
        self.sh("apt-get remove -y " + names)
        self.assertEqual(self.property("LoadState"), "masked")
        self.assertEqual(self.sh("pgrep mycelium || echo none"), "none\n")
        self.assertEqual(self.sh("ls -d /run/mycelium || echo none"), "none\n")
        self.assertIn("# mine", self.sh("cat " + CONFIG))

        self.sh("apt-get install -y ./*.deb")
        self.assertEqual(self.property("ActiveState"), "active")
        self.assertIn("# mine", self.sh("cat " + CONFIG))
        self.as_ada("mycelium ping --count 1")

        self.sh("apt-get purge -y " + names)
        self.assertEqual(self.sh("ls /etc/mycelium"), "other\n")
        self.sh("rm -r /etc/mycelium")
        self.assertEqual(self.files_of_mycelium(), before)
        self.assertEqual(self.sh("stat -c %U /home/ada/hers"), "mycelium\n")
        self.assertEqual(self.property("LoadState"), "not-found")

        self.sh("apt-get install -y ./*.deb")
        self.assertEqual(self.property("ActiveState"), "active")
        self.as_ada("mycelium ping --count 1")
        self.sh("apt-get purge -y " + names)
        self.assertEqual(self.files_of_mycelium(), before)


if __name__ == "__main__":
    nspawn_machine.run_tests(str(__doc__))

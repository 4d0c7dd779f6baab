"""The file system of a container of the lab: the host's directories, read-only, under a root of its own.

The child that becomes the container calls it inside its new mount namespace: nothing of it is visible outside.
"""

from __future__ import annotations

import os
import shutil
import stat
from typing import TypedDict

from podwire_lab.kernel import namespaces as ns

TOOLS = "/.podwire/bin"
"""The first directory on a container's PATH: `python`, `python3` and the node's programs (`pktmon`)."""

_OWN = {"dev", "etc", "proc", "run", "sys", "tmp", "lost+found"}
_ETC_DIRECTORIES = ("alternatives", "ca-certificates", "ld.so.conf.d", "pki", "ssl", "terminfo")
_ETC_FILES = (
    "debian_version",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "localtime",
    "mime.types",
    "os-release",
    "profile",
    "protocols",
    "services",
    "timezone",
)
_ETC_OWN = {
    "passwd": "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
}
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


class Volume(TypedDict):
    """A directory or file of the lab (`source`) and its path in the container."""

    source: str
    target: str
    read_only: bool


class RootSpec(TypedDict):
    """The differences between containers: their volumes, files of /etc by name, scripts or links on the PATH, and
    whether their root is writable.
    """

    volumes: list[Volume]
    etc: dict[str, str]
    links: dict[str, str]
    scripts: dict[str, str]
    needed: list[str]
    read_only: bool


def build(root: str, spec: RootSpec) -> None:
    """Build the tree on `root` (an existing directory) and make it the root of the calling process."""
    ns.mount("tmpfs", root, "tmpfs", ns.MS_NOSUID, "mode=755")
    _show_host(root)
    _fill_etc(root, spec["etc"])
    _fill_dev(root)
    for name, mode in (("tmp", 0o1777), ("run", 0o755)):
        os.mkdir(f"{root}/{name}")
        os.chmod(f"{root}/{name}", mode)
    for path in spec["needed"]:
        if not os.path.lexists(root + path):
            _bind(path, root, path, read_only=True)
    _fill_tools(root, spec)
    _mount_kernel(root)
    for volume in spec["volumes"]:
        _bind(volume["source"], root, volume["target"], read_only=volume["read_only"])
    if spec["read_only"]:
        # Volumes and /dev/shm keep their own flags, as with a real runtime.
        ns.mount("tmpfs", f"{root}/dev/shm", "tmpfs", ns.MS_NOSUID | ns.MS_NODEV, "mode=1777")
        ns.make_read_only(root, below=False)
    ns.change_root(root)


def _show_host(root: str) -> None:
    with os.scandir("/") as entries:
        for entry in entries:
            if entry.name in _OWN:
                continue
            target = f"{root}/{entry.name}"
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), target)
            elif entry.is_dir():
                os.mkdir(target)
                try:
                    ns.bind(entry.path, target, read_only=True)
                except OSError:
                    continue  # this user may not show the directory (a locked mount): the container has none


def _fill_etc(root: str, own: dict[str, str]) -> None:
    etc = f"{root}/etc"
    os.mkdir(etc)
    for name in _ETC_FILES:
        if os.path.isfile(f"/etc/{name}"):
            shutil.copyfile(f"/etc/{name}", f"{etc}/{name}")
    for name in _ETC_DIRECTORIES:
        if os.path.isdir(f"/etc/{name}"):
            os.mkdir(f"{etc}/{name}")
            ns.bind(f"/etc/{name}", f"{etc}/{name}", read_only=True)
    for name, text in {**_ETC_OWN, **own}.items():
        _write(f"{etc}/{name}", text)


def _fill_dev(root: str) -> None:
    dev = f"{root}/dev"
    os.mkdir(dev)
    for name in _DEVICES:
        if os.path.exists(f"/dev/{name}"):
            _write(f"{dev}/{name}", "")
            ns.mount(f"/dev/{name}", f"{dev}/{name}", flags=ns.MS_BIND)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"{dev}/{name}")
    os.mkdir(f"{dev}/shm", 0o1777)


def _fill_tools(root: str, spec: RootSpec) -> None:
    directory = root + TOOLS
    os.makedirs(directory)
    for path, target in spec["links"].items():
        place = path if path.startswith("/") else f"{TOOLS}/{path}"
        os.makedirs(os.path.dirname(root + place), exist_ok=True)
        os.symlink(target, root + place)
    for name, text in spec["scripts"].items():
        _write(f"{directory}/{name}", text)
        os.chmod(f"{directory}/{name}", 0o755)


def _mount_kernel(root: str) -> None:
    """Mount a new /proc and /sys; where parts of them are hidden the kernel refuses, and the outer ones show."""
    for name, kind in (("proc", "proc"), ("sys", "sysfs")):
        target = f"{root}/{name}"
        os.mkdir(target)
        try:
            ns.mount(kind, target, kind, ns.MS_NOSUID | ns.MS_NODEV | ns.MS_NOEXEC)
        except OSError:
            ns.bind(f"/{name}", target)
    for name in ("proc/sys", "proc/sysrq-trigger"):
        if os.path.exists(f"{root}/{name}"):
            ns.bind(f"{root}/{name}", f"{root}/{name}", read_only=True)
    ns.make_read_only(f"{root}/sys")


def _bind(source: str, root: str, target: str, *, read_only: bool) -> None:
    place = root
    parts = [part for part in target.split("/") if part not in ("", ".", "..")]
    for depth, part in enumerate(parts, 1):
        parent, place = place, f"{place}/{part}"
        if not os.path.exists(place):
            is_file = depth == len(parts) and not stat.S_ISDIR(os.stat(source).st_mode)
            _create(parent, place, is_file=is_file)
    ns.bind(source, place, read_only=read_only)


def _create(parent: str, place: str, *, is_file: bool) -> None:
    """Make a mount point; over a read-only directory, first mount a writable one."""
    try:
        _make(place, is_file=is_file)
    except OSError:
        _shadow(parent)
        _make(place, is_file=is_file)


def _make(place: str, *, is_file: bool) -> None:
    if is_file:
        _write(place, "")
    else:
        os.mkdir(place)


def _shadow(directory: str) -> None:
    """Replace a read-only directory by a writable one with the same entries."""
    below = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    names = os.listdir(below)
    ns.mount("tmpfs", directory, "tmpfs", ns.MS_NOSUID, "mode=755")
    for name in names:
        source, target = f"/proc/self/fd/{below}/{name}", f"{directory}/{name}"
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
        elif os.path.exists(source):
            _make(target, is_file=not os.path.isdir(source))
            ns.bind(source, target, read_only=True)
    os.close(below)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)

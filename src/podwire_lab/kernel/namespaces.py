"""Linux namespaces, mounts and capabilities: the few system calls that Python 3.11 has no function for.

Sources: namespaces(7), user_namespaces(7), mount(2), mount_setattr(2), pivot_root(2), prctl(2), capabilities(7).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36

_NAMES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
PERFMON BPF CHECKPOINT_RESTORE
"""
CAPABILITIES = tuple(_NAMES.split())
"""Names in the order of their numbers (linux/capability.h), without the prefix CAP_, as Kubernetes writes them."""

_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1
_SYS_MOUNT_SETATTR = 442
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def _check(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Move the calling process (for CLONE_NEWPID: its next children) into new namespaces."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Enter the namespace behind a descriptor; `kind` is its CLONE_NEW* flag."""
    _check(_libc.setns(fd, kind), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    arguments = (
        source.encode(),
        target.encode(),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _check(_libc.mount(*arguments), f"mount {kind or source} on {target}")


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """Show `source`, with everything mounted below it, at `target`."""
    mount(source, target, flags=MS_BIND | MS_REC)
    if read_only:
        make_read_only(target)


def make_read_only(target: str, *, below: bool = True) -> None:
    """Make a mount and all mounts below it read-only. Other flags, which a user namespace may not clear, stay."""
    attributes = _MountAttr(attr_set=_MOUNT_ATTR_RDONLY)
    arguments = (
        _SYS_MOUNT_SETATTR,
        _AT_FDCWD,
        target.encode(),
        _AT_RECURSIVE if below else 0,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )
    _check(_libc.syscall(*arguments), f"make {target} read-only")


def unmount(target: str) -> None:
    """Take a mount out of the tree at once; it ends with its last user."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"unmount {target}")


def change_root(root: str) -> None:
    """Make `root` (a mount point) the root of the calling process and of its mount namespace."""
    os.chdir(root)
    number = _SYS_PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise OSError(
            errno.ENOSYS, f"the lab does not support this machine type, {platform.machine()}; use x86_64 or aarch64"
        )
    _check(_libc.syscall(number, b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def prctl(option: int, argument: int) -> int:
    result: int = _libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0)
    _check(result, f"prctl {option}")
    return result


def keep_capabilities(names: set[str]) -> None:
    """Drop every capability outside `names` from the bounding set: root has no more than these after its next exec."""
    for number, name in enumerate(CAPABILITIES):
        if name not in names:
            try:
                prctl(PR_CAPBSET_DROP, number)
            except OSError as error:
                if error.errno != errno.EINVAL:  # a kernel without the newest capabilities
                    raise


def sethostname(name: str) -> None:
    _check(_libc.sethostname(name.encode(), len(name.encode())), "sethostname")


def become_root_of_user_namespace() -> None:
    """Enter a new user namespace as its root (user_namespaces(7)); the process must have one thread."""
    become_user(0, 0)


def become_user(uid: int, gid: int) -> None:
    """Enter a new user namespace as this user; a user other than root has no capability after its next exec.

    A lab without root has no other way to another user. In it, files of the original user belong to the new one.
    """
    before = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER)
    maps = (("setgroups", "deny"), ("gid_map", f"{gid} {before[1]} 1"), ("uid_map", f"{uid} {before[0]} 1"))
    for name, text in maps:
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)

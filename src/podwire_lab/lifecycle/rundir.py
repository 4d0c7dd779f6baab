"""Where a lab keeps its kubeconfig and log: a private directory that the next start removes if its lab was killed.

A lock on the file `lock` in it is held by the owner and the supervisor as long as one of them lives.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = "podwire-lab-"
_UNLOCKED_SECONDS = 60


def create() -> tuple[Path, int]:
    """A new directory (mode 0700) and the descriptor of its lock."""
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.geteuid()}-"))
    fd = os.open(directory / "locking", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.rename(directory / "locking", directory / "lock")
    return directory, fd


def remove_stale() -> list[Path]:
    """Remove what killed labs of this user left in the temporary directory; return what was removed."""
    removed = []
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}{os.geteuid()}-*"):
        if _is_stale(directory):
            shutil.rmtree(directory, ignore_errors=True)
            removed.append(directory)
    return removed


def _is_stale(directory: Path) -> bool:
    try:
        if directory.lstat().st_uid != os.geteuid() or directory.is_symlink():
            return False
        fd = os.open(directory / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        try:  # one that is just being made has no lock yet
            return time.time() - directory.lstat().st_mtime > _UNLOCKED_SECONDS
        except FileNotFoundError:
            return False
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True

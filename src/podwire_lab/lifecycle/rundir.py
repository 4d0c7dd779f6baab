"""The private directory of a lab's kubeconfig and log; the next start removes the directory of a killed lab.

The owner and the supervisor hold a lock on the file `lock` in it as long as they live.
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
    """Make a directory (mode 0700). Returns its path and the descriptor of its lock."""
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.geteuid()}-"))
    fd = os.open(directory / "locking", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.rename(directory / "locking", directory / "lock")
    return directory, fd


def remove_stale() -> list[Path]:
    """Remove the directories that killed labs of this user left in the temporary directory. Returns their paths."""
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
        try:  # a directory without a lock is just being made
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

"""A bundle as one file: a compressed tar archive that is the same whenever its content is the same.

A bundle may come from anybody. podwire reads only the manifest and its signature before it checks the signature, then
only files that the manifest names, each with its size, and writes them below one folder.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from podwire.records.paths import is_inside

MOST_BYTES = 1 << 30
"""The largest number of bytes that podwire reads while the signer is unknown."""
MOST_OF_A_HEAD = 16 << 20
MOST_OF_A_FILE, MOST_UNPACKED = 1 << 30, 4 << 30
"""The largest size of a bundle and of its content, in bytes, whoever signed it: a run of 4,000 cases packs to ten
million."""


class Damaged(ValueError):
    """The file is no bundle; the text is one line that names the member."""


def packed(files: Mapping[str, bytes], *, first: Sequence[str] = ()) -> bytes:
    """The bundle of these files, by path, with those of `first` in front: a reader needs them before the rest."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(files, key=lambda path: (path not in first, path)):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(files[path]), 0o644
            tar.addfile(member, io.BytesIO(files[path]))
    return gzip.compress(archive.getvalue(), mtime=0)


def packed_bytes(path: Path) -> bytes:
    """The content of a file, up to the largest size of a bundle.

    Raises:
        Damaged: the file is larger.
        OSError: as the system reports it.
    """
    with path.open("rb") as stream:
        # A pipe or a device has no known size.
        data = stream.read(MOST_OF_A_FILE + 1) if os.fstat(stream.fileno()).st_size <= MOST_OF_A_FILE else None
    if data is None or len(data) > MOST_OF_A_FILE:
        raise Damaged(f"is larger than {MOST_OF_A_FILE >> 20} MiB, the largest size of a bundle")
    return data


def head(data: bytes, names: Sequence[str]) -> dict[str, bytes]:
    """The members with these names. Reads nothing after the last of them.

    Raises:
        Damaged: a member is missing or too large, or the file is no archive.
    """
    found: dict[str, bytes] = {}
    read = 0
    with _opened(data) as tar:
        for member in _plain_files(tar):
            read += member.size
            if read > MOST_BYTES:
                raise Damaged(f"{member.name}: no {' and '.join(names)} within {MOST_BYTES >> 30} GiB")
            if member.name in names:
                if member.size > MOST_OF_A_HEAD:
                    raise Damaged(f"{member.name}: is larger than {MOST_OF_A_HEAD >> 20} MiB")
                found[member.name] = _content(tar, member)
                if len(found) == len(names):
                    return found
    raise Damaged(f"{next(name for name in names if name not in found)}: is missing")


def unpacked(data: bytes, sizes: Mapping[str, int] | None = None) -> dict[str, bytes]:
    """The files of a bundle, by path.

    With `sizes`, from a signed manifest, a file of another name or size is refused before it is read.

    Raises:
        Damaged: the archive holds anything but plain files inside the bundle.
    """
    if sizes is not None and sum(sizes.values()) > MOST_UNPACKED:
        raise Damaged(f"its files have more than {MOST_UNPACKED >> 20} MiB in total")
    found: dict[str, bytes] = {}
    with _opened(data) as tar:
        for member in _plain_files(tar):
            if sizes is not None and member.name not in sizes:
                raise Damaged(f"{member.name}: is not named in the manifest")
            if sizes is not None and member.size != sizes[member.name]:
                raise Damaged(f"{member.name}: has {member.size} bytes; manifest.json says {sizes[member.name]}")
            found[member.name] = _content(tar, member)
    return found


@contextlib.contextmanager
def _opened(data: bytes) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            yield tar
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise Damaged(f"is not a whole bundle: {error}") from None


def _plain_files(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    seen: set[str] = set()
    for member in tar:
        if not member.isreg():
            raise Damaged(f"{member.name}: is not a plain file")
        if not is_inside(member.name):
            raise Damaged(f"{member.name}: leads out of the bundle")
        if member.name in seen:
            raise Damaged(f"{member.name}: is in the bundle twice")
        seen.add(member.name)
        yield member


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(member)
    data = content.read() if content is not None else b""
    if len(data) != member.size:
        raise Damaged(f"{member.name}: is cut off")
    return data


def files_below(folder: Path, *, leave: frozenset[str] = frozenset()) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, by its path in it, except hidden ones and the top folders named in `leave`."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not path.is_symlink() and parts[0] not in leave and not parts[-1].startswith("."):
            yield "/".join(parts), path.read_bytes()


def written(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files below a folder."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

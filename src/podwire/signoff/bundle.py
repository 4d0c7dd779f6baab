"""A bundle as one file: a tar archive, compressed, that comes out the same whenever its content is the same.

What is read may come from anybody: nothing of it is written anywhere before the signature over the manifest has been
checked, and then only files that the manifest names, below one folder.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from podwire.records.paths import is_inside

MOST_BYTES = 4 << 30


class Damaged(ValueError):
    """The file is no bundle; the text is one line that names the member concerned."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """The bundle of these files, by path."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(files[path]), 0o644
            tar.addfile(member, io.BytesIO(files[path]))
    return gzip.compress(archive.getvalue(), mtime=0)


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files of a bundle, by path. Raises `Damaged` for whatever else may be in a tar archive."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            return dict(_members(tar))
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise Damaged(f"is not a whole bundle: {error}") from None


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    total = 0
    for member in tar:
        name = member.name
        if not member.isreg():
            raise Damaged(f"{name}: is no plain file")
        if not is_inside(name):
            raise Damaged(f"{name}: leads out of the bundle")
        if name in seen:
            raise Damaged(f"{name}: is there twice")
        seen.add(name)
        total += member.size
        if total > MOST_BYTES:
            raise Damaged(f"{name}: the bundle is larger than {MOST_BYTES >> 30} GiB")
        content = tar.extractfile(member)
        data = content.read() if content is not None else b""
        if len(data) != member.size:
            raise Damaged(f"{name}: is cut off")
        yield name, data


def files_below(folder: Path, *, leave: frozenset[str] = frozenset()) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, by its path in it, but for hidden ones and the folders at its top named in `leave`."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not path.is_symlink() and parts[0] not in leave and not parts[-1].startswith("."):
            yield "/".join(parts), path.read_bytes()


def written(files: Mapping[str, bytes], folder: Path) -> None:
    """Put the files below a folder."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

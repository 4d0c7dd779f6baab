"""Bounded reading of files: at most a given number of bytes, and valid UTF-8 for text."""

from __future__ import annotations

from pathlib import Path


class FileError(ValueError):
    """A file has a mistake. The text is one line for its author: the place, and what is needed there."""


def bytes_of(path: Path, most: int) -> bytes:
    """All bytes of a file of at most `most` bytes.

    Raises OSError, and `FileError` for a larger file; its text does not name the file.
    """
    if "\0" in str(path):
        raise FileError("not a file name: it has a NUL character")
    with path.open("rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise FileError(f"larger than {_size(most)}, the limit for such a file")
    return data


def text_of(path: Path, most: int) -> str:
    """The text of a UTF-8 file of at most `most` bytes. Raises `FileError`, whose text does not name the file."""
    try:
        data = bytes_of(path, most)
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror or error}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(f"line {line}: not UTF-8 text") from None


def _size(number: int) -> str:
    return f"{number >> 20} MiB" if number >= 1 << 20 else f"{number >> 10} KiB"

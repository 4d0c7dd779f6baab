"""Reading what somebody else wrote: never more of it than has a use, and text only where text is meant."""

from __future__ import annotations

from pathlib import Path


class FileError(ValueError):
    """A file is not as it must be; the text is one line for its author."""


def bytes_of(path: Path, most: int) -> bytes:
    """All bytes of a file that has `most` of them or fewer.

    Raises OSError as the system gives it, and `FileError`, which does not name the file.
    """
    if "\0" in str(path):
        raise FileError("no file has such a name")
    with path.open("rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise FileError(f"is larger than {_size(most)}, which no such file needs to be")
    return data


def text_of(path: Path, most: int) -> str:
    """The text of a file of UTF-8. `FileError` does not name the file."""
    try:
        data = bytes_of(path, most)
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror or error}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(f"line {line}: is not UTF-8 text") from None


def _size(number: int) -> str:
    return f"{number >> 20} MiB" if number >= 1 << 20 else f"{number >> 10} KiB"

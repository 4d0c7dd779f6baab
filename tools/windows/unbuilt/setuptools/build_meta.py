"""Tells pip what it asks of a source distribution before it keeps the file: name and version, from PKG-INFO.

pip download builds metadata, and with the real setuptools that runs the distribution's setup.py. The names are those of
PEP 517; `__legacy__` is the build backend of a distribution without pyproject.toml.
"""

import email
import shutil
from pathlib import Path
from typing import Any


class __legacy__:  # noqa: N801 - pip asks for this name
    @staticmethod
    def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
        return []

    @staticmethod
    def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Any = None) -> str:
        told = email.message_from_string(Path("PKG-INFO").read_text(encoding="utf-8"))
        folder = Path(metadata_directory, f"{told['Name'].replace('-', '_')}-{told['Version']}.dist-info")
        folder.mkdir()
        shutil.copy("PKG-INFO", folder / "METADATA")
        return folder.name

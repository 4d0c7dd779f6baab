"""Where the content of the project is: suites, fixtures, manifests and conftest.py, in a checkout or inside a wheel."""

from __future__ import annotations

import hashlib
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
BUNDLE = _PACKAGE / "_bundle"


def content_root() -> Path:
    """The folder that holds `suites/`, `fixtures/`, `manifests/` and `conftest.py`.

    In a wheel that is `podwire/_bundle`, in a checkout its top folder. Raises FileNotFoundError when neither is there.
    """
    checkout = _PACKAGE.parents[1]
    for root in (BUNDLE, checkout):
        if (root / "conftest.py").is_file() and (root / "manifests").is_dir():
            return root
    raise FileNotFoundError(f"podwire's suites and manifests are neither in {BUNDLE} nor in {checkout}")


def is_checkout() -> bool:
    """Whether this is a source checkout, not an installed wheel."""
    return content_root() != BUNDLE


def suites_folder() -> Path:
    """The catalogue and its tests."""
    return content_root() / "suites"


def suites_digest() -> str:
    """What the suites are: the SHA-256 of all their files, names included."""
    root, digest = suites_folder(), hashlib.sha256()
    for path in sorted(file for kind in ("*.yaml", "*.py") for file in root.glob(f"*/{kind}")):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def manifests_folder() -> Path:
    """What is asked of a cluster, as plain YAML."""
    return content_root() / "manifests"


def agent_folder() -> Path:
    """The modules of the probe agent."""
    return _PACKAGE / "agent"


def runs_folder() -> Path:
    """Where runs are kept by default: `reports/runs` of a checkout, else below the working directory."""
    return (content_root() if is_checkout() else Path.cwd()) / "reports" / "runs"

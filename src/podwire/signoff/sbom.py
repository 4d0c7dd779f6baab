"""What judged and what ran in the probes, as a software bill of materials: CycloneDX 1.5, JSON."""

from __future__ import annotations

import json
import platform
import re
import uuid
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from typing import Any

from podwire import __version__
from podwire.records.run import ProbeImage, RunRecord


def sbom(records: Iterable[RunRecord]) -> bytes:
    """The Python packages beside this podwire, and the images of the probes of these runs with their digests.

    The serial number follows from the content: the same parts give the same file.
    """
    python = [_package(one) for one in sorted(distributions(), key=_name)]
    images = {image["bom-ref"]: image for record in records for image in map(_image, record.images)}
    parts = list({part["bom-ref"]: part for part in (*python, *images.values())}.values())
    content = json.dumps(parts, sort_keys=True)
    tree = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": "podwire", "version": __version__, "bom-ref": "podwire"},
            "properties": [{"name": "python", "value": platform.python_version()}],
        },
        "components": parts,
    }
    return (json.dumps(tree, indent=1, ensure_ascii=False) + "\n").encode()


def _name(one: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", str(one.metadata["Name"])).lower()


def _package(one: Distribution) -> dict[str, Any]:
    url = f"pkg:pypi/{_name(one)}@{one.version}"
    return {"type": "library", "name": _name(one), "version": one.version, "purl": url, "bom-ref": url}


def _image(one: ProbeImage) -> dict[str, Any]:
    digest = one.digest.rpartition("@")[2]
    reference = f"{one.image}@{digest}" if digest else one.image
    part: dict[str, Any] = {"type": "container", "name": one.image, "bom-ref": reference}
    algorithm, _, value = digest.partition(":")
    if algorithm == "sha256" and value:
        part["hashes"] = [{"alg": "SHA-256", "content": value}]
    return part

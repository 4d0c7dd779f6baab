"""The software bill of materials of the runs and their probes: CycloneDX 1.5, JSON.

The machine that signs has no part in it: a run records its own Python and packages (`environment.json`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from podwire.records.environment import Environment, Package
from podwire.records.run import ProbeImage, RunRecord


def sbom(runs: Iterable[tuple[RunRecord, Environment | None]]) -> bytes:
    """The Python packages of these runs, and the images of their probes with their digests.

    A run of podwire 0.1 has no environment: its images are listed, and a property says what is unknown. The serial
    number follows from the content: the same parts give the same file.
    """
    made = tuple(runs)
    python = [_package(package) for _, environment in made if environment for package in environment.packages]
    images = [_image(image) for record, _ in made for image in record.setup.images]
    parts = list({part["bom-ref"]: part for part in (*python, *images)}.values())
    properties = [*_properties(made)]
    content = json.dumps([parts, properties], sort_keys=True)
    tree = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "podwire",
                "version": made[-1][0].setup.version if made else "",
                "bom-ref": "podwire",
            },
            "properties": properties,
        },
        "components": parts,
    }
    return (json.dumps(tree, indent=1, ensure_ascii=False) + "\n").encode()


def _properties(runs: Iterable[tuple[RunRecord, Environment | None]]) -> Iterator[dict[str, str]]:
    """The environment of each run, by its id."""
    for record, environment in runs:
        yield {"name": f"podwire:{record.run_id}:version", "value": record.setup.version}
        python = environment.python if environment else "not recorded: a run of podwire before 0.2"
        yield {"name": f"podwire:{record.run_id}:python", "value": python}


def _package(package: Package) -> dict[str, Any]:
    url = f"pkg:pypi/{package.name}@{package.version}"
    return {"type": "library", "name": package.name, "version": package.version, "purl": url, "bom-ref": url}


def _image(image: ProbeImage) -> dict[str, Any]:
    digest = image.digest.rpartition("@")[2]
    reference = f"{image.image}@{digest}" if digest else image.image
    part: dict[str, Any] = {"type": "container", "name": image.image, "bom-ref": reference}
    algorithm, _, value = digest.partition(":")
    if algorithm == "sha256" and value:
        part["hashes"] = [{"alg": "SHA-256", "content": value}]
    return part

"""What the runs were made with and what ran in their probes, as a software bill of materials: CycloneDX 1.5, JSON.

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
    """The Python packages that these runs were made with, and the images of their probes with their digests.

    A run of podwire 0.1 has no environment: of it the images are listed, and a property says what is not known.
    The serial number follows from the content: the same parts give the same file.
    """
    made = tuple(runs)
    python = [_package(one) for _, environment in made if environment for one in environment.packages]
    images = [_image(one) for record, _ in made for one in record.setup.images]
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
    """What each run was made with, by its id."""
    for record, environment in runs:
        yield {"name": f"podwire:{record.run_id}:version", "value": record.setup.version}
        python = environment.python if environment else "not recorded: a run of podwire before 0.2"
        yield {"name": f"podwire:{record.run_id}:python", "value": python}


def _package(one: Package) -> dict[str, Any]:
    url = f"pkg:pypi/{one.name}@{one.version}"
    return {"type": "library", "name": one.name, "version": one.version, "purl": url, "bom-ref": url}


def _image(one: ProbeImage) -> dict[str, Any]:
    digest = one.digest.rpartition("@")[2]
    reference = f"{one.image}@{digest}" if digest else one.image
    part: dict[str, Any] = {"type": "container", "name": one.image, "bom-ref": reference}
    algorithm, _, value = digest.partition(":")
    if algorithm == "sha256" and value:
        part["hashes"] = [{"alg": "SHA-256", "content": value}]
    return part

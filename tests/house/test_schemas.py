"""The schemas in docs/schemas agree with the types that read the files, and describe their fields."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = sorted((ROOT / "docs" / "schemas").glob("*.schema.json"))


def test_the_schemas_are_fresh():
    command = [sys.executable, "tools/schemas.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_admits_no_other_fields_and_says_what_it_is_of(path):
    schema = json.loads(path.read_text(encoding="utf-8"))
    kinds = [schema, *(kind for kind in schema["$defs"].values() if "properties" in kind)]
    assert all(kind["additionalProperties"] is False and kind["description"] for kind in kinds)


def test_there_is_a_schema_of_each_kind_of_file():
    page = (ROOT / "docs" / "schemas" / "README.md").read_text(encoding="utf-8")
    assert len(SCHEMAS) == 8
    assert all(path.name in page for path in SCHEMAS)

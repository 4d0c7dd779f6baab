"""The JSON schemas in docs/schemas/, made from the types that read the files: for editors, and for readers of runs.

Writes the schemas that differ. With `--check` it only names them, and ends with 1 if there is one. The text under a
field of a type becomes the field's description.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from podwire.catalogue.forms import LimitationsFile, RequirementsFile, RowsFile
from podwire.files.rows import owners
from podwire.gating.waiver_file import WaiversFile
from podwire.platforms.stated_file import FactsFile
from podwire.records.run_form import RunForm
from podwire.records.watch import WatchRecord
from podwire.running.replay.regressions import RegressionsFile

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"
KINDS: dict[str, type[msgspec.Struct]] = {
    "facts": FactsFile,
    "limitations": LimitationsFile,
    "regressions": RegressionsFile,
    "requirements": RequirementsFile,
    "rows": RowsFile,
    "run": RunForm,
    "waivers": WaiversFile,
    "watch": WatchRecord,
}


def schema_of(name: str) -> dict[str, Any]:
    """The schema of one kind of file (JSON Schema 2020-12)."""
    kind = KINDS[name]
    definitions = msgspec.json.schema(kind)["$defs"]
    for struct in _types(msgspec.inspect.type_info(kind)):
        fields = definitions[struct.__name__]["properties"]
        for field, text in _descriptions(struct):
            fields[field]["description"] = text
    top = definitions.pop(kind.__name__)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:podwire:{name}"}
    found: dict[str, Any] = json.loads(json.dumps({**head, **top, "title": f"podwire: {name}", "$defs": definitions}))
    return found


def _types(wanted: Any) -> Iterator[type]:
    """Every Struct in a type."""
    seen: set[type] = set()
    waiting = [wanted]
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            yield info.cls
            waiting += [field.type for field in info.fields]
        elif isinstance(info, msgspec.inspect.Type):
            parts = (getattr(info, name, ()) for name in ("type", "types", "item_type", "item_types", "value_type"))
            waiting += [inner for part in parts for inner in (part if isinstance(part, tuple) else (part,))]


def _descriptions(kind: type) -> Iterator[tuple[str, str]]:
    """The texts under the fields of a type, on one line each."""
    for name, owner, attribute in owners(kind):
        text = _texts(owner).get(attribute)
        if text:
            yield name, text


@functools.cache
def _texts(kind: type) -> dict[str, str]:
    """The texts under the fields of a type in the source."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        if not issubclass(owner, msgspec.Struct) or owner is msgspec.Struct:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0].body  # type: ignore[attr-defined]
        for field, below in itertools.pairwise(body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                found[ast.unparse(field.target)] = " ".join(str(below.value.value).split())
    return found


def main(*, check: bool) -> int:
    """Write the schemas, or name those that differ from the types."""
    differ = 0
    for name in KINDS:
        path = FOLDER / f"{name}.schema.json"
        text = json.dumps(schema_of(name), indent=1, ensure_ascii=False) + "\n"
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        differ += 1
        if check:
            print(f"{path.relative_to(FOLDER.parents[1])}: differs from the types; run python tools/schemas.py")
        else:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and differ else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))

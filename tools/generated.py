"""The generated parts of the docs, each between a line `<!-- generated: NAME -->` and a line `<!-- end -->`.

Without an argument it names the parts that differ from the code (exit code 1 if there is one); `--write` updates them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import docs_tables
import manifest_tables
import suite_tables

from podwire.cli.option_docs import options_markdown

ROOT = Path(__file__).resolve().parent.parent
PARTS: Mapping[str, Callable[[], str]] = {
    "options": options_markdown,
    "outcomes": docs_tables.outcomes,
    "exit-codes": docs_tables.exit_codes,
    "decisions": docs_tables.decisions,
    "profiles": docs_tables.profiles,
    "markers": docs_tables.markers,
    "manifests-services": manifest_tables.services,
    "manifests-variants": manifest_tables.variants,
    "manifests-policies": manifest_tables.policies,
    "manifests-changes": manifest_tables.changes,
    "axes": suite_tables.axes,
    "ways": suite_tables.ways,
    "asks": suite_tables.asks,
    "sizes": suite_tables.sizes,
    "controls": suite_tables.controls,
    "words": suite_tables.words,
    "questions": suite_tables.questions,
    "packets": suite_tables.packets,
    "packet-fields": suite_tables.fields,
    "values": suite_tables.values,
    "when": suite_tables.when,
}
_PART = re.compile(r"(?<=^<!-- generated: )(?P<name>[\w-]+) -->\n.*?(?=^<!-- end -->$)", re.MULTILINE | re.DOTALL)


def renewed(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """The text with each of its parts as the code has it now.

    Raises:
        KeyError: no generator has the name of a part.
    """
    return _PART.sub(lambda found: f"{found['name']} -->\n{parts[found['name']]().strip()}\n", text)


def main(root: Path, *, write: bool) -> int:
    """Check all pages that may have such parts, or update them."""
    differing = 0
    for page in sorted([root / "README.md", *root.glob("manifests/README.md"), *(root / "docs").glob("*.md")]):
        text = page.read_text(encoding="utf-8")
        new = renewed(text, PARTS)
        if new == text:
            continue
        if write:
            page.write_text(new, encoding="utf-8")
            continue
        differing += 1
        print(f"{page.relative_to(root)}: differs from the code; update it with make format")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(ROOT, write="--write" in sys.argv[1:]))

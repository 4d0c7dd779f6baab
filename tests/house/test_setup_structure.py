"""tools/structure.py reports each breach once, each in a small tree made for it, and nothing in a clean tree."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def wide(head: str, fields: int) -> str:
    """The source of a class with this number of fields."""
    return head + "\n" + "".join(f"    field_{number}: int\n" for number in range(fields))


@pytest.fixture(scope="module")
def structure() -> ModuleType:
    spec = importlib.util.spec_from_file_location("structure", ROOT / "tools/structure.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("path", "text", "finding"),
    [
        ("src/podwire/long.py", "a = 1\n" * 401, "401 lines; at most 400"),
        ("src/podwire/agent/loop.py", "a = 1\n" * 401, "401 lines; at most 400"),
        ("tests/dns/test_x.py", "a = 1\n" * 401, "tests/dns/test_x.py: 401 lines; at most 400"),
        ("tools/long.py", "a = 1\n" * 401, "401 lines; at most 400"),
        ("src/podwire/agent/loop.py", "from podwire import suite\n", "imports podwire; the agent"),
        ("src/podwire/agent/loop.py", "from podwire.agents import a\n", "imports podwire.agents; the agent"),
        ("src/podwire/agent/loop.py", "def f():\n    import yaml\n", "loop.py:2: imports yaml; the agent"),
        ("src/podwire/agent/loop.py", "from . import echo\n", "imports .; the agent"),
        ("src/podwire/agent/loop.py", "match a:\n    case 1:\n        pass\n", "not Python 3.8"),
        ("src/podwire_lab/windows/programs/a/b.py", "import yaml\n", "b.py:1: imports yaml; programs of pods"),
        ("src/podwire_lab/windows/programs/a.py", "from podwire_lab.windows import services\n", "programs of pods"),
        ("src/podwire/packets/dissect.py", "def f():\n    from scapy.all import IP\n", "dissect.py:2: imports scapy"),
        ("src/podwire/wide.py", wide("@dataclass(frozen=True)\nclass Wide:", 15), "wide.py:2: Wide has 15 fields"),
        ("src/podwire/wide.py", wide("class Wide(msgspec.Struct):", 15), "Wide has 15 fields; at most 14"),
        ("src/podwire/model/packets.py", wide("class Packet(Struct):", 15), "Packet has 15 fields; at most 14"),
        (
            "src/podwire/wide.py",
            wide("class Part(Struct):", 8) + wide("class Whole(Part, kw_only=True):", 8).replace("field_", "other_"),
            "wide.py:10: Whole has 16 fields; at most 14",
        ),
        ("suites/dns/test_x.py", "from podwire_lab import up\n", "test_x.py:1: imports podwire_lab"),
        ("suites/dns/test_x.py", "import pytest\n", "imports pytest"),
        ("suites/dns/__init__.py", "", "a content folder is no package"),
        ("tests/__init__.py", "", "a content folder is no package"),
    ],
)
def test_a_breach_is_one_finding(structure: ModuleType, tmp_path: Path, path: str, text: str, finding: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    findings = list(structure.check(tmp_path))
    assert len(findings) == 1
    assert finding in findings[0]


def test_fields_that_a_class_of_another_file_hands_down_are_counted(structure: ModuleType, tmp_path: Path) -> None:
    rooms = tmp_path / "src/podwire"
    rooms.mkdir(parents=True)
    (rooms / "part.py").write_text(wide("@dataclass\nclass Part:", 8))
    own = wide("class Whole(Former):", 7).replace("field_", "other_")
    (rooms / "whole.py").write_text("from podwire.part import Part as Former\n" + own)
    assert list(structure.check(tmp_path)) == ["src/podwire/whole.py:2: Whole has 15 fields; at most 14, so group them"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/podwire/full.py", "a = 1\n" * 400),
        ("src/podwire/agent/loop.py", "import socket\nimport os.path\nfrom podwire.agent import system\n"),
        ("src/podwire/agent/loop.py", "from podwire.agent.system import complain\n"),
        ("src/podwire_lab/windows/programs/a/b.py", "import os\nfrom podwire_lab.windows.programs.a import c\n"),
        ("src/podwire/wide.py", wide("@dataclass\nclass Wide:", 14) + "    a: ClassVar[int] = 1\n"),
        ("src/podwire/wide.py", wide("class Wide:", 15)),
        ("suites/dns/test_x.py", "from __future__ import annotations\nfrom podwire import requirement\n"),
        ("tests/test_x.py", "from scapy.all import IP\n"),
    ],
)
def test_what_is_allowed_gives_none(structure: ModuleType, tmp_path: Path, path: str, text: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    assert list(structure.check(tmp_path)) == []

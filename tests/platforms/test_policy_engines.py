"""The table of engines that enforce network policies."""

import pytest

from podwire.files.bounded import FileError
from podwire.model.facts import PolicyEngine
from podwire.platforms.policy_engines import engine, engines


def test_an_engine_has_one_row_for_each_os_and_a_source_for_what_it_lacks():
    rows = engines()
    assert len({(row.name, row.os) for row in rows}) == len(rows)
    for row in rows:
        told = {word.strip() for source in row.sources for word in source.about.split(",")}
        assert "all" in told or set(row.lacks) <= told, row.name


def test_calico_lacks_exceptions_and_named_ports_on_windows_only():
    assert {"except", "named-ports"} <= set(engine("calico", "windows", "3.32.2").lacks)
    assert engine("calico", "linux", "3.32.2") == PolicyEngine(name="calico", version="3.32.2")


@pytest.mark.parametrize("name", ["none", "unknown"])
def test_no_engine_and_an_unknown_one_enforce_nothing_that_is_known(name):
    assert engine(name, "windows") == PolicyEngine(name=name)
    assert not engine(name, "windows").enforces


def test_a_word_that_nobody_knows_is_one_line(tmp_path):
    table = tmp_path / "engines.yaml"
    table.write_text("engines:\n- {name: x, os: windows, lacks: [colours], sources: [{about: all, url: u}]}\n")
    with pytest.raises(FileError, match="lacks"):
        engines(table)

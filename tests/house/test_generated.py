"""Generated parts of the docs: each exists and is complete, and a page that differs is named."""

from pathlib import Path

import pytest

from podwire.cli.options import TABLE

ROOT = Path(__file__).resolve().parents[2]
PAGE = "before\n<!-- generated: options -->\nold\n<!-- end -->\nafter\n"


def test_a_part_is_written_and_the_rest_of_the_page_stays(generated):
    new = generated.renewed(PAGE, {"options": lambda: "| new |"})
    assert new == PAGE.replace("old", "| new |")
    assert generated.renewed(new, {"options": lambda: "| new |"}) == new


def test_a_part_that_nothing_generates_is_an_error(generated):
    with pytest.raises(KeyError):
        generated.renewed(PAGE.replace("options", "moons"), generated.PARTS)


def test_a_page_that_differs_is_named_and_written(generated, tmp_path, capsys):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("no part\n")
    page = tmp_path / "docs" / "options.md"
    page.write_text(PAGE)
    assert generated.main(tmp_path, write=False) == 1
    assert capsys.readouterr().out == "docs/options.md: differs from the code; update it with make format\n"
    assert page.read_text() == PAGE
    assert generated.main(tmp_path, write=True) == 0
    assert generated.main(tmp_path, write=False) == 0


def test_every_option_stands_on_the_page():
    text = (ROOT / "docs" / "options.md").read_text()
    for row in TABLE:
        assert f"`{row.flag}" in text

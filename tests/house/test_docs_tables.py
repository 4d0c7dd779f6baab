"""Tables of the docs that the code determines."""

import pytest


def page(tmp_path, text):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("nothing generated\n")
    (tmp_path / "docs/page.md").write_text(text)
    return tmp_path


def test_a_stale_table_is_found_and_written_anew(generated, tmp_path, capsys):
    root = page(tmp_path, "before\n\n<!-- generated: values -->\n| old |\n<!-- end -->\nafter\n")
    assert generated.main(root, write=False) == 1
    assert capsys.readouterr().out.startswith("docs/page.md: differs from the code")
    assert generated.main(root, write=True) == 0
    assert generated.main(root, write=False) == 0
    text = (root / "docs/page.md").read_text()
    assert text.startswith("before\n\n<!-- generated: values -->\n| value |")
    assert text.endswith("<!-- end -->\nafter\n")


def test_a_table_that_nothing_generates_is_an_error(generated, tmp_path):
    with pytest.raises(KeyError, match="moods"):
        generated.main(page(tmp_path, "<!-- generated: moods -->\n<!-- end -->\n"), write=False)

"""What YAML of a user becomes: values, and aliases as what they stand for."""

import pytest

from podwire.files.bounded import FileError, bytes_of, text_of
from podwire.files.words import shown
from podwire.files.yaml_tree import MOST_VALUES, yaml_tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: '1'\nb: 0x10\nc: 1.5\nd: -0\n", {"a": "1", "b": 16, "c": 1.5, "d": 0}),
        ("[true, no, ~, '', null, 'null']", [True, False, None, "", None, "null"]),
        ("expires: 2026-02-31", {"expires": "2026-02-31"}),
        ("yes: 1\n2: b\n'<<': c\n", {"yes": 1, "2": "b", "<<": "c"}),
        ("a: &x [1, {b: 2}]\nc: *x\nd: [*x, *x]\n", {"a": [1, {"b": 2}], "c": [1, {"b": 2}], "d": [[1, {"b": 2}]] * 2}),
        ("a: &x 1\nb: *x\nc: &x 2\nd: *x\n", {"a": 1, "b": 1, "c": 2, "d": 2}),
        ("- a: |\n    two\n    lines\n", [{"a": "two\nlines\n"}]),
        ("\ufeffa: b", {"a": "b"}),
        ("---\na: Привіт\n...\n", {"a": "Привіт"}),
        ("# nothing\n", None),
    ],
)
def test_a_text_is_a_tree_of_plain_values(text, value):
    assert yaml_tree(text) == value


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\nb: 2\na: 3\n", r"line 3, column 1: 'a' appears twice, first in line 1"),
        ("a: b: c\n", r"line 1, column 5: not valid YAML: mapping values are not allowed"),
        ("a: !!str 1", r"line 1, column 4: tags \(!!str\) are not supported"),
        ("!x a: 1", r"line 1, column 1: tags \(!x\) are not supported"),
        ("a: 1\n--- 2\n", r"line 2, column 1: a second document"),
        ("a: &a {b: *a}", r"line 1, column 11: the alias \*a has no complete anchor before it"),
        ("a\0b", r"line 1: not valid YAML: control characters|line 1: not valid YAML: special characters"),
    ],
)
def test_what_is_refused_is_one_line_with_its_place(text, complaint):
    with pytest.raises(FileError, match=complaint):
        yaml_tree(text)


def test_aliases_count_as_what_they_stand_for():
    half = ", ".join("x" * (MOST_VALUES // 2 - 10))
    assert len(yaml_tree(f"a: &a [{half}]\nb: *a\n")["b"]) == MOST_VALUES // 2 - 10
    with pytest.raises(FileError, match="line 3, column 4: more than 100,000 values"):
        yaml_tree(f"a: &a [{half}]\nb: *a\nc: *a\n")


def test_a_file_has_a_size_and_is_text(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a" * 2048)
    assert bytes_of(path, 2048) == b"a" * 2048
    with pytest.raises(FileError, match="larger than 1 KiB"):
        text_of(path, 1024)
    path.write_bytes(b"a\nb\n\xff")
    with pytest.raises(FileError, match="line 3: not UTF-8 text"):
        text_of(path, 1024)
    with pytest.raises(FileError, match="not a file name"):
        text_of(tmp_path / "a\0b", 1024)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 100, "'" + "a" * 56 + "..."),
        ("a\nb\x1b[31m", r"'a\nb\x1b[31m'"),
        ("\ud800", r"'\ud800'"),
        (10**400, "an enormous number"),
        ([], "an empty list"),
        ({"a": 1}, "a mapping"),
        (None, "nothing"),
        (True, "true"),
    ],
)
def test_a_value_in_a_message_is_short_and_on_one_line(value, text):
    assert shown(value) == text

"""The words that suites import: each is one class that says what it is."""

import inspect
from pathlib import Path

import pytest

import podwire
from podwire.content import suites_folder
from podwire.judging import vocabulary
from podwire.judging.parts import Part
from podwire.suite import FACE


def test_every_part_says_what_it_asks_in_one_line():
    for part in vocabulary.parts():
        line = inspect.getdoc(part).partition("\n\n")[0]
        assert "\n" not in line, part
        assert line.endswith("."), part
        assert line != inspect.getdoc(Part).partition("\n\n")[0]


def test_podwire_has_every_word_and_no_other():
    assert podwire.answered_by is vocabulary.words()["answered_by"]
    assert podwire.hns.endpoint_of.word == "hns.endpoint_of"
    assert set(dir(podwire)) == {*FACE, "__version__"}
    with pytest.raises(AttributeError, match="has no attribute 'answered'"):
        _ = podwire.answered


def test_every_word_is_used_by_a_suite():
    text = "\n".join(path.read_text() for path in Path(suites_folder()).glob("*/test_*.py"))
    assert [part.word for part in vocabulary.parts() if f"{part.word}(" not in text] == []


def test_two_parts_of_one_word_are_refused(monkeypatch):
    class Again(Part):
        word = "answered_by"

        def sentences(self): ...

    monkeypatch.setattr(vocabulary, "parts", lambda: iter([Again, Again]))
    with pytest.raises(TypeError, match="Again: the word answered_by is that of Again already"):
        vocabulary.words()

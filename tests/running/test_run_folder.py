"""The folder of a run: a run that is there is never written over."""

import pytest

from podwire.errors import UsageError
from podwire.running.run_folder import LEFT_BY_A_RUN, RunFolder


@pytest.mark.parametrize("name", LEFT_BY_A_RUN)
def test_a_folder_that_holds_a_run_is_refused(name, tmp_path):
    (tmp_path / name).touch()
    for step in (RunFolder(tmp_path, "r").check, RunFolder(tmp_path, "r").make):
        with pytest.raises(UsageError, match="already holds a run"):
            step()
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_folder_with_other_files_is_taken(tmp_path):
    (tmp_path / "notes.txt").touch()
    RunFolder(tmp_path, "r").make()


def test_looking_makes_nothing_and_making_makes_all_of_it(tmp_path):
    folder = RunFolder(tmp_path / "a" / "b", "r")
    folder.check()
    assert list(tmp_path.iterdir()) == []
    folder.make()
    assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize("below", ["x", "x/y", "n" * 300])
def test_a_folder_that_can_never_be_made_is_one_line(below, tmp_path):
    (tmp_path / "file").touch()
    folder = RunFolder(tmp_path / "file" / below, "r")
    with pytest.raises(UsageError, match=r"^--run-dir .*: cannot be written: .*; choose another folder$"):
        folder.check()

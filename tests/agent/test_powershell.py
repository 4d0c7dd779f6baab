"""The commands that Windows nodes are given are PowerShell: no lab could tell, for it imitates no language."""

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Parser

from podwire.agent.node.tools import LISTS


@pytest.fixture(scope="module", name="wrong")
def _wrong():
    parser = Parser(Language(tree_sitter_powershell.language()))
    return lambda command: parser.parse(command.encode()).root_node.has_error


@pytest.mark.parametrize("name", LISTS)
def test_a_command_is_powershell(wrong, name):
    assert not wrong(LISTS[name])


@pytest.mark.parametrize("name", LISTS)
def test_one_without_its_end_is_not(wrong, name):
    assert wrong(LISTS[name].rpartition("}")[0])


@pytest.mark.parametrize("name", LISTS)
def test_a_command_has_no_double_quotes(name):
    """They would have to be told apart from those that Windows puts around an argument with spaces."""
    assert '"' not in LISTS[name]

"""A fault may be on some nodes only: `NAME@NODE,NODE`."""

from types import SimpleNamespace

import pytest

from podwire_lab.faults.fault import Fault, FaultError
from podwire_lab.lifecycle.start import fault_and_nodes


@pytest.fixture
def network():
    nodes = {
        name: SimpleNamespace(name=name, os=name.partition("-")[0]) for name in ("linux-1", "windows-1", "windows-2")
    }
    profile = SimpleNamespace(name="overlay-win-overlay")
    return SimpleNamespace(nodes=nodes, profile=profile, active_faults={}, take_effect=lambda: None)


def fault_of(os, broken):
    """A fault that notes which nodes of an OS it breaks, and the fabric if it says so; the fabric alone for `all`."""

    def change(do):
        for node in do.nodes(os.partition(" ")[0]) if os != "all" else ():
            broken.append(node.name)
            do.undone_by(lambda name=node.name: broken.remove(name))
        if os in ("all", "windows and fabric"):
            broken.append("fabric")
            do.undone_by(lambda: broken.remove("fabric"))

    return Fault(name="f", summary="It breaks.", kills=(), change=change)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("f", ("f", ())),
        ("f@windows-1", ("f", ("windows-1",))),
        ("f@windows-1,linux-1", ("f", ("windows-1", "linux-1"))),
    ],
)
def test_a_fault_names_its_nodes(text, found):
    assert fault_and_nodes(text) == found


@pytest.mark.parametrize(
    ("only", "expected"),
    [((), ["windows-1", "windows-2"]), (("windows-2",), ["windows-2"]), (("linux-1", "windows-1"), ["windows-1"])],
)
def test_it_is_on_those_nodes_and_goes_as_a_whole(network, only, expected):
    broken = []
    one = fault_of("windows", broken)
    one.inject(network, only)
    assert broken == expected
    one.remove(network)
    assert broken == []


@pytest.mark.parametrize(
    ("os", "only"), [("windows", ("linux-1",)), ("windows and fabric", ("linux-1",)), ("all", ("windows-1",))]
)
def test_a_fault_that_cannot_be_on_these_nodes_is_refused_and_leaves_nothing(network, os, only):
    broken = []
    with pytest.raises(FaultError, match="breaks nothing of its own on"):
        fault_of(os, broken).inject(network, only)
    assert (broken, network.active_faults) == ([], {})

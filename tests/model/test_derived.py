"""Values that are computed once for the value that they follow from."""

from msgspec.structs import replace

from podwire.model.addressing.nobody import nobody_of
from podwire.model.derived import derived
from podwire.model.facts import ClusterFacts, NodeFacts, NodePart


class Words:
    """Something immutable with a `__dict__`."""

    def __init__(self, *words):
        self.words = words
        self.asked = []

    @derived
    def longer_than(self, length, first=""):
        """The words."""
        self.asked.append(length)
        return tuple(word for word in self.words if len(word) > length and word.startswith(first))


def test_a_result_is_computed_once_for_each_value_and_argument():
    words = Words("a", "bc", "def")
    assert [words.longer_than(1), words.longer_than(1), words.longer_than(2)] == [("bc", "def")] * 2 + [("def",)]
    assert words.longer_than(1, first="d") == ("def",)
    assert words.asked == [1, 2, 1]
    assert Words("xyz").longer_than(1) == ("xyz",)


def test_facts_that_replace_others_have_results_of_their_own():
    node = NodeFacts(name="a", os="linux", addresses=("192.0.2.1",))
    facts = ClusterFacts(nodes=(node, NodeFacts(name="b", os="linux")))
    before = nobody_of(facts)
    assert [found.name for found in facts.usable("linux")] == ["a", "b"]
    fewer = replace(facts, nodes=(replace(node, part=NodePart(chosen=False), addresses=()), facts.nodes[1]))
    assert [found.name for found in fewer.usable("linux")] == ["b"]
    assert "192.0.2.0/24" not in map(str, before.networks)
    assert "192.0.2.0/24" in map(str, nobody_of(fewer).networks)
    assert facts == ClusterFacts(nodes=facts.nodes)


def test_nodes_by_name_stand_in_the_order_of_the_facts():
    facts = ClusterFacts(nodes=tuple(NodeFacts(name=name, os="linux") for name in ("b", "a", "c")))
    assert [node.name for node in facts.named(("c", "b", "", "unknown", "b"))] == ["b", "c"]

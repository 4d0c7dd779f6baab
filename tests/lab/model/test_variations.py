"""Variations of the lab: profiles that are set up in another way."""

import pytest

from podwire.content import content_root
from podwire.errors import UsageError
from podwire.running.options import RUN_OPTIONS, read_options
from podwire_lab.model.planned import planned_facts
from podwire_lab.model.profiles import PROFILES, UnknownProfile, profile_named
from podwire_lab.model.variations import NODE_LOCAL_DNS, VARIATIONS, varied

PLAIN = PROFILES["overlay-win-overlay"]


@pytest.mark.parametrize("name", VARIATIONS)
def test_each_variation_changes_the_profile_and_stands_in_the_docs(name):
    changed = varied(PLAIN, (name,))
    assert changed.set_up.variations == (name,)
    assert changed != varied(PLAIN, ())
    assert f"| `{name}` |" in (content_root() / "docs/lab-vs-windows.md").read_text(encoding="utf-8")


def test_several_variations_apply_together():
    both = profile_named("overlay-win-overlay", variations=("dns-pod-moved", "node-local-dns"))
    assert (both.set_up.dns.nodes, both.set_up.dns.cache) == (("linux-2",), NODE_LOCAL_DNS)
    assert planned_facts(both).dns.nodes == ("linux-2",)


def test_an_unknown_variation_is_a_mistake_of_the_user_that_lists_what_there_is():
    with pytest.raises(UnknownProfile, match="unknown lab variation 'nowhere'; there are: dns-pod-moved"):
        profile_named("overlay-win-overlay", variations=("nowhere",))
    with pytest.raises(UsageError, match="--lab-variation nowhere: unknown"):
        read_options(RUN_OPTIONS, {"--lab-variation": ["nowhere"]})

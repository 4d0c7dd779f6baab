"""What the pages of a run have in common."""

from records_for_tests import SIGNALS, UNUSABLE, case, facts, record

from podwire.reporting.pages import run_head


def test_the_head_of_a_page_names_nodes_that_cannot_be_used():
    head = run_head(record(case(), facts=facts(nodes=UNUSABLE, signals=SIGNALS)), "Title")
    assert '<p class="note">Node windows-1 is not ready: Kubelet stopped posting node status</p>' in head
    assert '<p class="note">Node linux-9 is cordoned: left out</p>' in head

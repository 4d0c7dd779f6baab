"""One fault of one node makes many cases red: the summary says what they share, and what passed beside them."""

import pytest
from running import run

from podwire.cli import main as cli
from podwire.gating.runs import record_with_causes

FEW = ("--requirement", "FLOW-POD-POD-IP", "--requirement", "FLOW-POD-SVC-CLUSTER-IP")
EXPECTED = {
    "pods-of-one-node-cut-off": ("from or to pods of windows-1, ", "seen at the NIC of windows-1, never at its pods"),
    "one-node-unreachable-from-another": (
        "between pods of windows-1 and pods of windows-2: seen at the NIC of windows-1, never at its pods",
    ),
    "kube-proxy-stopped-on-one-node": ("to Services through the proxy of linux-1: ",),
    "ipv6-not-forwarded-by-one-node": ("IPv6", "pods of linux-1"),
    "small-mtu-of-one-nic": ("windows-1", "more than 1000 bytes"),
    "outer-checksum-wrong": ("received with a wrong outer UDP checksum, and not seen behind it",),
}


@pytest.mark.parametrize("fault", EXPECTED)
def test_what_the_reds_of_a_fault_share_is_one_line(fault, tmp_path, capsys):
    done = run(tmp_path / "run", "--lab", "overlay-win-overlay", "--fault", fault, *FEW)
    assert done.code == 1, done.text
    record, causes = record_with_causes(done.folder)
    failed = [case.id for case in record.cases if case.verdict.outcome == "fail"]
    first = causes.failing[0]
    assert all(words in str(first) for words in EXPECTED[fault]), str(first)
    assert 2 * len(first.cases) > len(failed)
    assert first.controls
    assert sorted([case for cause in causes.failing for case in cause.cases] + list(causes.alone)) == sorted(failed)
    # A stored run says what the run said.
    assert cli.main(["summary", str(done.folder)]) == 0
    printed = capsys.readouterr().out
    block = printed[printed.index("FAIL  ") : printed.index("Not applicable here")]
    assert block in done.text
    headline = causes.headlines[first.cases[0]]
    assert f"Packets:  {headline[:60]}" in printed
    assert headline in (done.folder / "junit.xml").read_text().replace("&apos;", "'")

"""Since when HNS and kube-proxy run: what PowerShell prints, and what is none of it."""

import pytest

from podwire.platforms.hns import NoListing, load_balancers_in
from podwire.platforms.hns_processes import Processes, as_text, processes_in


@pytest.mark.parametrize(
    ("printed", "processes"),
    [
        ('{"Hns":1,"Proxy":[3,2]}\n', Processes(hns=1, proxies=(2, 3))),
        ('{"Hns":1,"Proxy":2}', Processes(hns=1, proxies=(2,))),
        ('{"Hns":1,"Proxy":null}', Processes(hns=1)),
    ],
)
def test_a_node_has_hns_and_its_proxies(printed, processes):
    assert processes_in(printed) == processes


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("", "nothing"),
        ("[" * 100000, "no JSON"),
        ("7", "the time at which HNS began"),
        ('{"Hns":true}', "the time at which HNS began"),
        ('{"Hns":1,"Proxy":["x"]}', "a time of kube-proxy"),
    ],
)
def test_what_is_no_time_is_refused(printed, words):
    with pytest.raises(NoListing, match=words):
        processes_in(printed)


def test_a_time_past_the_calendar_is_shown_as_a_number():
    assert (as_text(10**30), as_text(0)) == (str(10**30), "1601-01-01 00:00:00 UTC")


def test_load_balancers_of_an_older_agent_have_no_port():
    (old,) = load_balancers_in('{"LoadBalancers":[{"VIPs":["10.96.0.1"],"IsDSR":true}]}')
    (new,) = load_balancers_in('{"LoadBalancers":[{"VIPs":null,"IsDSR":true,"Port":80,"Protocol":6}]}')
    assert (old.port, old.protocol, new.frontends) == (None, "", ("node-port tcp 80",))

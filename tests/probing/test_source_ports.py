"""Source ports: a pod and the host outside never use one twice, a node takes any."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from podwire.probing.source_ports import DYNAMIC, SourcePorts


@pytest.mark.parametrize("os", DYNAMIC)
def test_a_pod_gets_each_port_of_its_range_once(os):
    first, last = DYNAMIC[os]
    ports = SourcePorts()
    with ThreadPoolExecutor(4) as threads:
        given = list(threads.map(lambda _: ports.of("pod", os, "a"), range(last - first)))
    assert sorted(given) == list(range(first, last))


def test_pods_do_not_share_a_count():
    ports = SourcePorts()
    one = ports.of("one", "linux", "a")
    for _ in range(100):
        ports.of("other", "linux", "a")
    first, last = DYNAMIC["linux"]
    assert ports.of("one", "linux", "a") == first + (one - first + 1) % (last - first)


@pytest.mark.parametrize("os", ["linux", "windows"])
def test_a_node_takes_any(os):
    assert SourcePorts().of("x", os, "host") == 0

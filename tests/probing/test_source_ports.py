"""Source ports: a pod, a Linux node and the host outside never use one twice; a Windows node takes any."""

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


def test_a_linux_node_gets_each_port_once_and_a_windows_node_takes_any():
    ports = SourcePorts()
    first, second = ports.of("linux-1-host", "linux", "host"), ports.of("linux-1-host", "linux", "host")
    assert 0 < first != second > 0
    assert ports.of("windows-1-host", "windows", "host") == 0

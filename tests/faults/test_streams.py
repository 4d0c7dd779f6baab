"""A stream that misbehaves ends in one line and within a bound of time and memory, and can be opened again."""

import re
import resource
import threading
from types import SimpleNamespace

import pytest
from stream_faults import ENDED, OPENED, REFUSED, STREAM_FAULTS, stream_server

from podwire.cluster.exec.channel import ExecChannel
from podwire.errors import ClusterError

SECRET = "s3cr3t-t0ken-of-a-proxy"


def configuration(port):
    """Of a server whose URL has a secret in it, as that of a proxy may."""
    return SimpleNamespace(
        host=f"http://127.0.0.1:{port}/k8s/{SECRET}",
        ssl_ca_cert=None,
        cert_file=None,
        key_file=None,
        verify_ssl=True,
        proxy=None,
        auth_settings=lambda: {"BearerToken": {"value": f"Bearer {SECRET}"}},
    )


def opened(port, renewals):
    def renew():
        renewals.append(1)
        return True

    return ExecChannel(configuration(port), "ns", "pod", "probe", ["python"], timeout=1.0, renew=renew)


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@pytest.mark.parametrize("fault", STREAM_FAULTS, ids=lambda one: one.name)
def test_what_a_stream_may_do(fault):
    before, renewals = memory(), []
    with stream_server(fault) as server:
        if fault.end is REFUSED:
            with pytest.raises(ClusterError) as caught:
                opened(server.port, renewals)
            said = str(caught.value)
        else:
            channel = opened(server.port, renewals)
            said = ""
        if fault.end is ENDED:
            reasons, ended = [], threading.Event()
            channel.start(lambda data: None, lambda reason: (reasons.append(reason), ended.set()))
            assert ended.wait(20), "the stream does not end"
            (said,) = reasons
        if fault.end is OPENED:
            assert renewals == [1]
        if fault.end is not REFUSED:
            channel.close()
    assert "\n" not in said
    assert SECRET not in said
    assert re.search(fault.says, said), said
    assert memory() - before < 150  # MB


def test_each_fault_has_a_name_of_its_own():
    assert len({fault.name for fault in STREAM_FAULTS}) == len(STREAM_FAULTS)

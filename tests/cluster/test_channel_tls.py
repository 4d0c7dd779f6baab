"""The exec channel over TLS, with the settings of a real `kubernetes.client.Configuration`, and an agent behind it."""

import asyncio
import shutil
import ssl
import subprocess
import sys

import pytest
from agent_for_tests import AGENT, echo_server, exchange
from exec_server import configuration, exec_server

from podwire.cluster.exec.channel import ExecChannel
from podwire.errors import Unreachable
from podwire.probing.client import AgentClient

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, which makes the certificate, is missing"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    names = "subjectAltName=DNS:api.example,IP:127.0.0.1"
    kind = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=api"
    command = f"openssl req -x509 {kind} -keyout key -out crt -addext"
    subprocess.run([*command.split(), names], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "crt", certificate / "key")
    with exec_server(context) as one:
        yield one


def settings(server, certificate, **more):
    return configuration(server, scheme="https", **{"ssl_ca_cert": str(certificate / "crt"), **more})


async def run_agent(socket):
    """What a kubelet does: the process's pipes on one side, messages on the other."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *AGENT, "rpc", stdin=pipe, stdout=pipe)

    async def outwards():
        while data := await process.stdout.read(32 * 1024):
            await socket.send_bytes(b"\x01" + data)
        await socket.send_bytes(b'\x03{"metadata":{},"status":"Success"}')
        await socket.close()

    task = asyncio.create_task(outwards())
    async for message in socket:
        if isinstance(message.data, bytes) and message.data[:1] == b"\0":
            process.stdin.write(message.data[1:])
    process.stdin.close()
    await task
    await process.wait()


def test_an_agent_works_over_tls(server, certificate):
    server.behave = run_agent
    config = settings(server, certificate)
    client = AgentClient("a", lambda: ExecChannel(config, "rec", "a", "probe", ["x"]))
    with echo_server() as port:
        assert exchange(client, "tcp", port)["reply"]
        one = {"proto": "udp", "host": "127.0.0.1", "port": port, "token": "t", "timeout": 5.0}
        answers = [client.call("exchange", one) for _ in range(500)]
        assert all(answer.result(20)["reply"] for answer in answers)
        big = {"exchanges": [one] * 1000}
        assert len(client.call("burst", big).result(20)["attempts"]) == 1000
    client.close()


def test_a_certificate_of_somebody_else_is_refused(server, certificate):
    with pytest.raises(Unreachable, match=r"TLS: .*CERTIFICATE_VERIFY_FAILED"):
        ExecChannel(settings(server, certificate, ssl_ca_cert=None), "rec", "a", None, ["x"])


def test_verification_may_be_off(server, certificate):
    ExecChannel(settings(server, certificate, ssl_ca_cert=None, verify_ssl=False), "rec", "a", None, ["x"]).close()


def test_the_name_to_check_may_be_another_than_the_address(server, certificate):
    ExecChannel(settings(server, certificate, tls_server_name="api.example"), "rec", "a", None, ["x"]).close()
    with pytest.raises(Unreachable, match="TLS"):
        ExecChannel(settings(server, certificate, tls_server_name="other.example"), "rec", "a", None, ["x"])


def test_the_real_configuration_is_understood(server, certificate):
    from kubernetes.client import Configuration

    config = Configuration(host=f"https://127.0.0.1:{server.port}")
    config.ssl_ca_cert = str(certificate / "crt")
    config.api_key = {"authorization": "Bearer secret", "BearerToken": "Bearer secret"}
    ExecChannel(config, "rec", "a", None, ["x"]).close()
    assert server.requests[0].headers["Authorization"] == "Bearer secret"
    assert "container" not in server.requests[0].query

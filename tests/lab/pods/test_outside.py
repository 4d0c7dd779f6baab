"""The host outside as a client: an agent on it, reached by a command line, as long as the lab is there."""

import subprocess
import sys

import pytest
from agent_for_tests import PipeChannel, agent, exchange
from agentpods import provide_agent, serve, serving
from runninglab import Api, start_lab

from podwire.agent.framing import PREAMBLE
from podwire_lab.lifecycle import outside

OUTSIDE, NODE = "203.0.113.10", "172.31.0.1"


@pytest.fixture(scope="module")
def lab():
    with start_lab("l2bridge-win-bridge") as started:
        yield started


def test_an_agent_outside_reaches_what_listens_on_a_node(lab):
    api = Api(lab)
    provide_agent(api)
    serve(api, "listens", "linux-1", port=18080, hostNetwork=True)
    serving(api, "listens")
    with agent(*lab.external_command) as client:
        reply = exchange(client, "tcp", 18080, host=NODE)["reply"]
    assert (reply["identity"], reply["source"], reply["destination"]) == ("listens", OUTSIDE, NODE)


def test_it_knows_the_names_of_the_outside(lab):
    with agent(*lab.external_command) as client:
        reply = exchange(client, "udp", 8080, host="echo.outside.example", family=4, resolve=True)["reply"]
    assert (reply["identity"], reply["source"]) == ("outside", OUTSIDE)


def test_several_agents_run_beside_each_other(lab):
    with agent(*lab.external_command) as one, agent(*lab.external_command) as other:
        for client in (one, other, one):
            assert exchange(client, "tcp", 8080, host=OUTSIDE)["reply"]["source"] == OUTSIDE


def test_the_end_of_the_stream_ends_the_agent_and_its_exit_code_comes_back(lab):
    channel = PipeChannel(*lab.external_command)
    assert channel.process.stdout.read(len(PREAMBLE)) == PREAMBLE
    channel.close()
    assert channel.process.wait(10) == 0
    assert channel.process.stdout.read() == b""


def test_the_end_of_the_command_ends_the_agent(lab):
    channel = PipeChannel(*lab.external_command)
    assert channel.process.stdout.read(len(PREAMBLE)) == PREAMBLE
    channel.process.kill()
    assert channel.process.stdout.read() == b""  # The agent held the other end of this pipe.


def test_the_end_of_the_lab_ends_both():
    with start_lab("l2bridge-win-bridge") as lab:
        channel = PipeChannel(*lab.external_command)
        assert channel.process.stdout.read(len(PREAMBLE)) == PREAMBLE
    assert channel.process.wait(10) == outside.NO_LAB
    assert channel.process.stdout.read() == b""


def test_without_a_lab_the_command_says_so(tmp_path):
    command = [sys.executable, outside.__file__, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stdout) == (outside.NO_LAB, "")
    assert done.stderr == f"no lab in {tmp_path}: No such file or directory\n"

"""scapy costs half a second of CPU: only a run that sends packets of a suite imports it, when it sends them."""

import subprocess
import sys

import pytest
from plans_for_tests import L2BRIDGE

from podwire.catalogue.load import load
from podwire.content import suites_folder
from podwire.crafting.build import Exchange, packets_of
from podwire.planning.plan import Selection, make_plan


@pytest.mark.parametrize(
    "code",
    [
        "from podwire.crafting import IP, UDP, question; str(IP(dst='10.0.0.1') / UDP() / question(300))",
        "import podwire.crafting.request, podwire.probing.dispatch, podwire.testing.session",
        "import podwire.suite, podwire.cli.main, podwire.running.runner",
    ],
)
def test_what_a_suite_imports_and_what_a_run_imports_leave_scapy_out(code):
    script = f"import sys\n{code}\nprint(sorted(name for name in sys.modules if name.partition('.')[0] == 'scapy'))"
    ended = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ended.stdout == "[]\n"


def test_a_plan_of_all_suites_leaves_scapy_out():
    script = (
        "import sys\nfrom podwire.cli.main import main\n"
        "code = main(['plan', '--lab', 'l2bridge-win-bridge', '--area', 'path_mtu'])\n"
        "print('scapy' in sys.modules, code)"
    )
    ended = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "sends fragments(IP(dst=server.ip)" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "False 0"


ADDRESSES = {"ipv4": ("10.244.11.2", "10.244.12.2"), "ipv6": ("fd44:11::2", "fd44:12::2")}


PLAN = make_plan(*load(suites_folder()), L2BRIDGE, Selection())
CRAFTED = [case for case in PLAN.cases.values() if case.flow.load.sends]


@pytest.mark.parametrize("case", CRAFTED, ids=[case.id for case in CRAFTED])
def test_the_packets_of_all_suites_can_be_made(case):
    client, server = ADDRESSES[case.flow.family]
    ports = {"server.port": 8080, "target.port": 8080}
    values = {"client.ip": client, "server.ip": server, "target.ip": server, "client.mss": 1410, **ports}
    values |= {"path.mtu": 1450, "flow.size": 4258}
    exchange = Exchange(bindings=values, token="pw0123456789abcdef", source=client, port=40000)
    assert packets_of(case.flow.load.sends, exchange)

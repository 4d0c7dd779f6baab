"""A known issue of some builds: it shows on a lab with such a build, is absent on the default one, and is never red."""

from running import run

ASKED = ("--lab", "overlay-win-overlay", "--family", "ipv4")
NODE_PORTS, LOCAL = "SVC-NODEPORT-REMOTE", "KI-204-ETPLOCAL-WORKAROUND"


def of(folder, *arguments):
    """A run of both requirements: the outcomes by the pod behind the entered node, and those of the Local policy."""
    done = run(folder, "--requirement", NODE_PORTS, "--requirement", LOCAL, *ASKED, *arguments)
    assert done.code == 0, done.text
    found = {"windows pod": set(), "linux pod": set(), LOCAL: set()}
    for case in done.record["cases"]:
        way = LOCAL if case["requirement"] == LOCAL else case["parameters"]["server"]
        found[way].add(case["verdict"]["outcome"])
    return found, done.text


def test_node_ports_of_an_affected_build_are_a_known_issue_and_the_local_policy_avoids_it(tmp_path):
    found, text = of(tmp_path, "--windows-build", "20348.600")
    assert found == {"windows pod": {"known issue"}, "linux pod": {"pass"}, LOCAL: {"pass"}}
    assert "KI-204-OVERLAY" in text


def test_a_later_build_has_no_such_issue(tmp_path):
    found, text = of(tmp_path)
    assert found == {"windows pod": {"pass"}, "linux pod": {"pass"}, LOCAL: {"pass"}}
    assert "KI-204-OVERLAY" not in text


OVERLAY_2019 = ("--windows-build", "17763.378", "--windows-image", "python:3.12-windowsservercore-1809")


def own_subnets(folder, *arguments):
    """The outcomes of a rule about pods of two nodes, by whether one of them is a Windows node."""
    done = run(folder, "--requirement", "OVL-OWN-SUBNET", *ASKED, *OVERLAY_2019, *arguments)
    found = {True: set(), False: set()}
    for case in done.record["cases"]:
        if case["parameters"]["protocol"] == "tool":
            continue
        of_windows = "windows pod" in (case["parameters"]["client"], case["parameters"]["server"])
        found[of_windows].add(case["verdict"]["outcome"])
    return found, done.text


def test_an_overlay_of_an_early_windows_server_2019_loses_what_comes_by_the_tunnel(tmp_path):
    found, text = own_subnets(tmp_path)
    assert found == {True: {"known issue"}, False: {"pass"}}
    assert "KI-OVL-KB4489899" in text


def test_an_underlay_that_drops_tunnels_is_no_known_issue_of_a_build(tmp_path):
    found, _ = own_subnets(tmp_path, "--fault", "tunnels-lost-in-the-underlay")
    assert found == {True: {"fail"}, False: {"fail"}}

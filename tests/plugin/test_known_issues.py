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

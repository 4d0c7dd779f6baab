"""The profiles as data: what the file says becomes a profile, and a mistake in it is one line."""

import pytest

from podwire.model.facts import Encapsulation
from podwire_lab.model.profiles import PROFILES, read_profiles
from podwire_lab.model.table import TableError

ROW = "name: a, mode: overlay, cni: b, ipam: c, summary: d, source: e, pods: n"
NETWORKS = "pod_networks: {n: {}, m: {ipv4: 10.1.0.0/16, last: 20}}\n"


def table(folder, *rows):
    path = folder / "profiles.yaml"
    path.write_text(NETWORKS + f"profiles: [{', '.join('{' + row + '}' for row in rows)}]\n")
    return path


def test_what_a_row_leaves_out_is_as_usual(tmp_path):
    profile = read_profiles(table(tmp_path, ROW))["a"]
    assert (profile.tunnel, profile.excepted, profile.fabric) == (None, {}, "")
    assert profile.windows.families == ("ipv4", "ipv6")
    assert (profile.windows.kube_proxy, profile.windows.dsr, profile.windows.source_vip) == (True, True, None)
    assert {node.pods.ipv4 for node in profile.nodes} == {"10.244.0.0/16"}


def test_a_row_says_where_pods_have_their_addresses_and_what_is_between_nodes(tmp_path):
    more = (
        "windows_pods: m, excepted: underlay, tunnel: {kind: geneve, port: 6081, vni: 7}, windows: {families: [ipv4]}"
    )
    profile = read_profiles(table(tmp_path, f"{ROW}, {more}"))["a"]
    assert [node.pods.ipv4 for node in profile.nodes if node.os == "windows"] == ["10.1.0.0/16"] * 2
    assert profile.nodes[-1].pods.size == 11
    assert profile.tunnel == Encapsulation(kind="geneve", port=6081, vni=7)
    assert profile.excepted == {"ipv4": "172.31.0.0/24"}


def test_a_build_without_ipv6_changes_pods_and_not_what_keeps_their_address():
    profile = PROFILES["l2bridge-win-bridge"]
    old = profile.with_build(type(profile.windows.build)(17763, 2000))
    assert old.windows.families == ("ipv4",)
    assert old.excepted == profile.excepted


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["name: a"], "missing required field `mode` - at `$.profiles[0]`"),
        ([f"{ROW}, colour: red"], "unknown field `colour` - at `$.profiles[0]`"),
        ([f"{ROW}, windows: {{gateways: 1}}"], "unknown field `gateways` - at `$.profiles[0].windows`"),
        ([ROW.replace("overlay", "other")], "'other' - at `$.profiles[0].mode`"),
        ([ROW, ROW], "profile a: is defined twice"),
        ([f"{ROW}, windows_pods: x"], "profile a: unknown pod networks 'x'; there are: n, m"),
        ([f"{ROW}: "], "mapping"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_place(tmp_path, rows, complaint):
    path = table(tmp_path, *rows)
    with pytest.raises(TableError) as caught:
        read_profiles(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)

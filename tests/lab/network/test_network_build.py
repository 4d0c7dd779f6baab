"""Building and taking down: time, addresses in turn, errors in words, and nothing of it outside its own namespaces."""

import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import netlab
import pytest
from netlab import NetLab

from podwire_lab.kernel import nft
from podwire_lab.model.profiles import PROFILES, UnknownProfile, profile_named

NETLAB = Path(netlab.__file__)
SOURCES = NETLAB.parents[2] / "src"
PACKAGES = Path(msgspec.__file__).parents[1]
PYTHON = shutil.which("python3.11", path="/usr/bin:/usr/local/bin") or ""


@pytest.fixture(scope="module", name="lab")
def _lab():
    with NetLab("overlay-win-overlay") as running:
        yield running


def test_a_new_pod_carries_traffic_at_once_and_its_address_is_not_used_again_soon(lab):
    (first,) = lab.attach("windows-1", "new")
    assert lab.exchange("windows-1/new", "linux-1/a").seen == first
    lab.detach("windows-1", "new")
    (second,) = lab.attach("windows-1", "newer")
    assert lab.exchange("linux-1/a", "windows-1/newer").ok
    assert second != first
    lab.detach("windows-1", "newer")
    assert "pod12" not in lab.command("windows-1", "ip", "-o", "link")


def test_the_same_pod_twice_is_an_error(lab):
    with pytest.raises(RuntimeError, match="pod windows-1/a is already attached to windows-1"):
        lab.attach("windows-1", "a")


def test_the_kernels_words_are_in_the_error(lab):
    with pytest.raises(RuntimeError, match=r"namespace windows-1: add 172\.31\.0\.11/24 on eth0: .+"):
        lab.address("windows-1", "eth0", "172.31.0.11/24")


def test_nft_says_what_it_does_not_like(lab):
    with pytest.raises(RuntimeError, match=r"NftError: nft in namespace linux-1: .*syntax error"):
        lab.ruleset("linux-1", "table ip x { nonsense }")


def test_a_missing_nft_is_one_clear_line(monkeypatch):
    monkeypatch.setenv("PODWIRE_NFT", "/nowhere/nft")
    with pytest.raises(nft.NftMissing, match="/nowhere/nft not found: install nftables"):
        nft.program()


def test_a_profile_of_another_name_is_one_clear_line():
    with pytest.raises(UnknownProfile, match="there are: overlay-win-overlay, l2bridge-win-bridge"):
        profile_named("overlay")


@pytest.mark.parametrize("text", ["20348", "10.0.20348.1", "19041.1", "20348.x", ""])
def test_a_build_that_the_lab_does_not_know_is_one_clear_line(text):
    with pytest.raises(UnknownProfile, match=r"unknown Windows build .*there are: 17763\.REVISION"):
        profile_named("l2bridge-win-bridge", build=text)


def test_a_build_without_direct_server_return_has_it_off_and_refuses_to_have_it_on():
    assert not profile_named("overlay-win-overlay", build="17763.1000").windows.dsr
    assert profile_named("overlay-win-overlay", build="17763.1554").windows.dsr
    with pytest.raises(UnknownProfile, match=r"17763\.1000 has no Direct Server Return"):
        profile_named("overlay-win-overlay", build="17763.1000", dsr=True)


def test_windows_server_2019_has_ipv4_only():
    assert profile_named("l2bridge-win-bridge", build="17763.5000").pod_families("windows") == ("ipv4",)
    assert profile_named("l2bridge-win-bridge", build="26100.1").pod_families("windows") == ("ipv4", "ipv6")


POD_CIDRS = {
    "overlay-calico-vxlan": "10.244.12.0/26",
    "l2bridge-calico-bgp": "10.244.12.0/26",
    "l2bridge-azure-cni": "172.31.76.0/24",
    "l2tunnel-azure-cni": "172.31.76.0/24",
    "awsvpc": "172.31.76.0/24",
    "awsvpc-prefix": "172.31.76.0/24",
    "nat": "172.20.12.0/24",
}


@pytest.mark.parametrize("name", PROFILES)
def test_addresses_are_as_the_cluster_announces_them(name):
    windows = next(node for node in PROFILES[name].nodes if node.name == "windows-2")
    assert windows.addresses == ("172.31.0.12", "fd31::c")
    assert windows.pod_cidrs == (POD_CIDRS.get(name, "10.244.12.0/24"), "fd10:244:0:c::/64")


def test_a_profile_without_kube_proxy_has_no_dsr_to_choose():
    with pytest.raises(UnknownProfile, match="transparent-ovn has no kube-proxy on Windows nodes"):
        profile_named("transparent-ovn", dsr=False)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
@pytest.mark.skipif(not PYTHON, reason="needs a python 3.11 that everybody may run")
def test_it_works_without_root():
    program = "import sys; sys.argv = ['x']; from netlab import NetLab\nwith NetLab('l2bridge-win-bridge') as lab:\n"
    program += "    print(lab.exchange('windows-1/a', 'linux-2/a', proto='tcp').ok)"
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PYTHON, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{NETLAB.parent}:{SOURCES}:{PACKAGES}"},
        cwd=NETLAB.parent,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.strip() == "True", done.stderr


def test_nothing_is_left_in_the_namespace_that_pytest_runs_in(lab):
    links = {line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]}
    assert not {"cbr0", "vxlan0", "underlay", "pod10"} & links


@pytest.mark.parametrize("pod_mtu", [1279, 9002])
def test_an_mtu_that_no_network_has_is_one_clear_line(pod_mtu):
    with pytest.raises(UnknownProfile, match=rf"cannot have an MTU of {pod_mtu} bytes; use 1280 to 9001"):
        profile_named("overlay-win-overlay", pod_mtu=pod_mtu)


@pytest.mark.parametrize(
    ("name", "pod_mtu", "underlay"),
    [
        ("overlay-win-overlay", None, 1500),
        ("overlay-win-overlay", 1400, 1500),
        ("overlay-win-overlay", 9001, 9051),
        ("l2bridge-win-bridge", 9001, 9001),
    ],
)
def test_the_underlay_carries_what_the_pods_mtu_lets_through(name, pod_mtu, underlay):
    assert profile_named(name, pod_mtu=pod_mtu).underlay_mtu == underlay

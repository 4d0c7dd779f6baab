"""Ports of the virtual switch, as vfpctrl lists them."""

import pytest

from podwire.platforms.hns import NoListing
from podwire.platforms.vmswitch import ports_in

LISTED = """
  Port name             : 924950C2-0000-4000-8000-000000000001
  Port Friendly name    : {external}
  Switch name           : 5D81E4BB-0000-4000-8000-000000000001
  Port type:            : {type}
  MAC address           : 00-0D-3A-00-00-01
  Port name             : 924950C2-0000-4000-8000-000000000002
  Port Friendly name    : B5F4E943-0000-4000-8000-000000000002
  Switch name           : 5D81E4BB-0000-4000-8000-000000000001
  Port type:            : Synthetic
  MAC address           : 00-15-5D-CD-BE-47
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_each_port_has_a_name_a_switch_and_a_mac(line_end):
    first, second = ports_in(LISTED.format(external="ExternalPort", type="External").replace("\n", line_end))
    assert str(first) == "ExternalPort (00:0d:3a:00:00:01)"
    assert second.mac == "00:15:5d:cd:be:47"
    assert first.switch == second.switch == "5D81E4BB-0000-4000-8000-000000000001"
    assert [first.external, second.external] == [True, False]


@pytest.mark.parametrize(
    ("name", "kind", "external"),
    [
        ("ExternalPort", "", True),
        ("Ethernet 2", "External", True),
        ("Container NIC 6c50381c", "Internal", False),
        ("ExternalPort", "Physical", True),
        ("External network", "", False),
    ],
)
def test_a_port_is_external_by_its_type_or_by_its_name(name, kind, external):
    assert ports_in(LISTED.format(external=name, type=kind))[0].external is external


def test_a_port_without_a_friendly_name_has_its_own():
    nameless = LISTED.format(external="", type="Internal")
    assert ports_in(nameless)[0].name == "924950C2-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "vfpctrl.exe : The term 'vfpctrl.exe' is not recognized",
        "  MAC address  : 00-15-5D-CD-BE-47",
        LISTED.replace("Switch name", "Another name"),
    ],
)
def test_a_listing_without_ports_is_said(printed):
    with pytest.raises(NoListing, match="no list of ports"):
        ports_in(printed)

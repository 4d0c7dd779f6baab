"""The table of paths on the matrix page."""

from msgspec import structs

from podwire.packets.first_tries import Path, Tries
from podwire.records.paths_taken import path_record
from podwire.reporting.paths import paths_table

PATH = Path("linux", "windows", "cross-node", "udp", "ipv4", "cluster-ip")


def recorded(path, tries, judged=10):
    return path_record(path, tries, limit=0.002, judged=judged)


def test_it_tells_each_path_with_losses_first():
    sound = recorded(PATH._replace(client="windows"), Tries(exchanges=200))
    lossy = Tries(exchanges=100, lost=5, late=2, unknown=1)
    lossy.vanished["request between client-pod and client-node"] += 5
    html = paths_table((sound, recorded(PATH, lossy)))
    assert "5 of 300 exchanges on 2 paths needed a second try" in html
    assert html.index("between client-pod and client-node: 5") < html.index('<th scope="row">windows')
    assert "cluster-ip, UDP over IPv4" in html


def test_without_paths_there_is_no_table():
    assert paths_table(()) == ""


def test_the_record_of_a_path_has_the_interval_of_its_share():
    record = recorded(PATH, Tries(exchanges=100, lost=5))
    assert 0 < record.low < 0.05 < record.high < 0.2


def test_a_path_says_from_which_loss_on_it_would_be_noticed():
    few, many = recorded(PATH, Tries(exchanges=1)), recorded(PATH, Tries(exchanges=2000))
    assert few.noticed == 1.0
    assert 0.005 < many.noticed < 0.03
    assert recorded(PATH, Tries(exchanges=2000), judged=1).noticed < many.noticed
    html = paths_table((few, many, structs.replace(many, noticed=None)))
    assert "no loss" in html
    assert f"{many.noticed:.2%}" in html
    assert "not told" in html

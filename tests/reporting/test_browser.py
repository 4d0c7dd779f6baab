"""The matrix in a real browser, where there is one: the scripts unpack the data, open a case and draw its packets."""

import shutil
import subprocess
from urllib.parse import quote

import pytest
from html_page import Page
from records_for_tests import case, observation, record

from podwire.model.verdicts import Outcome
from podwire.reporting.matrix import write_matrix

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=10000"),
)


def as_shown(address, folder):
    """The page as it is after its scripts ran."""
    made = subprocess.run(
        [BROWSER, *QUIET, f"--user-data-dir={folder / 'profile'}", "--dump-dom", address],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return made.stdout


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome")
def test_the_address_of_a_case_opens_it_with_its_packets(tmp_path):
    one = case(Outcome.FAIL, evidence=("evidence/a b/wire.pcap",))
    file = write_matrix(record(one), tmp_path, {one.id: observation(one.id)})
    shown = as_shown(f"{file.as_uri()}#{quote(one.id, safe='')}", tmp_path)
    page = Page(shown, closed=False)
    (panel,) = page.of("dialog")
    assert "open" in panel
    assert [one["aria-label"] for one in page.of("svg")] == ["2 packets between client node"]
    assert "10.244.1.2:50000 → 10.244.11.2:8080" in shown
    assert "vxlan vni 4096: 172.31.0.1 → 172.31.0.11" in shown
    assert "evidence/a%20b/wire.pcap" in [one.get("href") for one in page.of("a")]

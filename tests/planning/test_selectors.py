"""Label selectors hold as those of `kubectl -l` do, and what is none is refused with the part that is wrong."""

import pytest

from podwire.planning.selectors import pool, selector

LABELS = {"agentpool": "win2025", "zone": "", "kubernetes.io/os": "windows"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("agentpool=win2025", True),
        ("agentpool==win2025", True),
        ("agentpool = win2025", True),
        ("agentpool=win2022", False),
        ("agentpool!=win2022", True),
        ("agentpool!=win2025", False),
        ("size!=big", True),
        ("zone=", True),
        ("zone!=", False),
        ("size=", False),
        ("zone", True),
        ("!zone", False),
        ("! size", True),
        ("size", False),
        ("agentpool in (win2022, win2025)", True),
        ("agentpool in (win2022)", False),
        ("agentpool notin (win2022)", True),
        ("agentpool notin (win2022,win2025)", False),
        ("size notin (big)", True),
        ("size in (big)", False),
        ("zone in ()", True),
        ("kubernetes.io/os=windows,agentpool in (win2022,win2025),!size", True),
        ("kubernetes.io/os=windows,agentpool in (win2022,win2025),size", False),
    ],
)
def test_a_selector_holds_as_that_of_kubectl(text, holds):
    assert selector(text).matches(LABELS) is holds


@pytest.mark.parametrize(
    "text", ["", ",", "a=b,", "=a", "a=b=c", "a in b", "a in (b", "a>1", "a b", "!a=b", "a=-b", "a;b"]
)
def test_what_is_no_selector_is_refused(text):
    with pytest.raises(ValueError, match="is not a label selector; write KEY=VALUE"):
        selector(text)


def test_a_pool_has_a_name_and_a_selector():
    found = pool("new=agentpool in (a,b),zone!=c")
    assert (found.name, found.text) == ("new", "new=agentpool in (a,b),zone!=c")
    assert found.selector.matches({"agentpool": "a"})


@pytest.mark.parametrize("text", ["new", "=a=b", "New=a=b", "new=", "a_b=c=d", "-a=b"])
def test_a_pool_without_a_name_or_a_selector_is_refused(text):
    with pytest.raises(ValueError, match="write NAME=SELECTOR"):
        pool(text)

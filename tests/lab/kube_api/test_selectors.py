"""Label and field selectors: every operator, and the laws between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire_lab.kube_api.objects.resources import BY_PLURAL
from podwire_lab.kube_api.objects.status import BadRequest
from podwire_lab.kube_api.selectors import parse_fields, parse_labels, predicate

LABELS = {"app": "web", "tier": "front", "zone": "3"}


def chosen(text: str, labels: dict[str, str] = LABELS) -> bool:
    return all(each.matches(labels) for each in parse_labels(text))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web , tier", True),
        ("app!=web", False),
        ("none!=web", True),
        ("app in (web,db)", True),
        ("app in (db)", False),
        ("app notin (db)", True),
        ("none notin (db)", True),
        ("app", True),
        ("none", False),
        ("!none", True),
        ("!app", False),
        ("zone>2", True),
        ("zone<3", False),
        ("app=web,tier=back", False),
        ("podwire.dev/run=r1", False),
        ("app=", False),
        ("none in ()", False),
    ],
)
def test_a_label_selector_chooses_as_documented(text: str, holds: bool) -> None:
    assert chosen(text) is holds


@pytest.mark.parametrize("text", ["==", "a b", "a in b", "a in (b", "a>x", ",", "a,", "a=b=c", "A_/b=c", "a in (b c)"])
def test_a_broken_label_selector_is_a_bad_request(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_labels(text)


WORDS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,5}[a-z0-9])?", fullmatch=True)


@given(key=WORDS, values=st.lists(WORDS, min_size=1, max_size=4), labels=st.dictionaries(WORDS, WORDS, max_size=4))
def test_in_is_one_of_several_equals_and_notin_its_contrary(
    key: str, values: list[str], labels: dict[str, str]
) -> None:
    listed = f"({','.join(values)})"
    assert chosen(f"{key} in {listed}", labels) is any(chosen(f"{key}={value}", labels) for value in values)
    assert chosen(f"{key} notin {listed}", labels) is not chosen(f"{key} in {listed}", labels)
    assert chosen(f"{key}!={values[0]}", labels) is not chosen(f"{key}={values[0]}", labels)
    assert chosen(key, labels) is not chosen(f"!{key}", labels)


POD = {
    "metadata": {"name": "a", "namespace": "x", "labels": LABELS},
    "spec": {"nodeName": "n1"},
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("metadata.name=a", True),
        ("metadata.name==a,spec.nodeName=n1", True),
        ("status.phase!=Succeeded,status.phase!=Failed", True),
        ("spec.nodeName!=n1", False),
        ("status.podIP=", True),
        ("spec.hostNetwork=false", True),
        (r"metadata.name=a\,b", False),
    ],
)
def test_a_field_selector_chooses_as_documented(text: str, holds: bool) -> None:
    assert all(each.matches(POD) for each in parse_fields(text, BY_PLURAL["pods"])) is holds


@pytest.mark.parametrize("text", ["spec.containers=x", "metadata.name", "status.hostIP=1"])
def test_a_field_that_pods_cannot_be_chosen_by_is_a_bad_request(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_fields(text, BY_PLURAL["pods"])


def test_both_kinds_of_selector_must_hold() -> None:
    both = predicate("app=web", "metadata.name=b", BY_PLURAL["pods"])
    assert both is not None
    assert not both(POD)
    assert predicate("", "", BY_PLURAL["pods"]) is None

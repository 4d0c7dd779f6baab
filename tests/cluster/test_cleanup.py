"""Cleaning up after runs that could not: by labels, by run, by age."""

from datetime import UTC, datetime, timedelta

import pytest
from fake_api import FakeCluster, kubeconfig, serving

from podwire.cluster.connect import connect
from podwire.cluster.deployment.cleanup import cleanup, describe_age, find_leftovers, parse_age
from podwire.errors import UsageError

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def namespace(name, hours, labels):
    made = (NOW - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
    return {
        "metadata": {
            "name": name,
            "labels": labels,
            "creationTimestamp": made,
            "annotations": {"podwire.dev/owner": "me@host"},
        }
    }


def ours(run):
    return {"app.kubernetes.io/managed-by": "podwire", "podwire.dev/run": run}


@pytest.fixture
def cluster():
    made = FakeCluster()
    for one in (
        namespace("podwire-old", 30, ours("old")),
        namespace("podwire-new", 1, ours("new")),
        namespace("podwire-by-hand", 99, {"app.kubernetes.io/managed-by": "helm", "podwire.dev/run": "x"}),
        namespace("default", 999, {}),
    ):
        made.objects["namespaces", None, one["metadata"]["name"]] = one
    return made


@pytest.fixture
def connection(cluster, tmp_path):
    with serving(cluster.answer) as server:
        yield connect(kubeconfig(tmp_path / "k", server))


def test_only_what_podwire_made_is_found_oldest_first(connection):
    found = find_leftovers(connection, now=NOW)
    assert [(one.namespace, one.age, one.owner) for one in found] == [
        ("podwire-old", 30 * 3600, "me@host"),
        ("podwire-new", 3600, "me@host"),
    ]


@pytest.mark.parametrize(("chosen", "run"), [({"run": "new"}, "new"), ({"older_than": 2 * 3600}, "old")])
def test_one_run_or_old_ones_can_be_chosen(connection, chosen, run):
    assert [one.run_id for one in find_leftovers(connection, now=NOW, **chosen)] == [run]


def test_what_is_removed_is_said(connection, cluster):
    said = []
    assert cleanup(connection, find_leftovers(connection, now=NOW), say=said.append) == []
    assert said == [
        "removed namespace podwire-old (run old of me@host, 1d old)",
        "removed namespace podwire-new (run new of me@host, 1h old)",
    ]
    assert cluster.names("namespaces") == ["default", "podwire-by-hand"]


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400)])
def test_ages(text, seconds):
    assert parse_age(text) == seconds
    assert parse_age(describe_age(seconds)) == pytest.approx(seconds, rel=0.5)


def test_an_age_that_is_none():
    with pytest.raises(UsageError, match="--older-than soon"):
        parse_age("soon")

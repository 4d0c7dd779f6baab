"""Kinds of a custom group are there where the lab's CNI installs them, and nowhere else."""

import pytest
from runninglab import start_lab

from podwire.cluster.connect import connect
from podwire.errors import NotFound


@pytest.mark.parametrize(("profile", "blocks"), [("overlay-calico-vxlan", 6), ("overlay-win-overlay", None)])
def test_calicos_kinds_are_served_with_calico(profile, blocks):
    with start_lab(profile) as lab:
        connection = connect(lab.kubeconfig, lab.context)
        try:
            if blocks is None:
                with pytest.raises(NotFound):
                    connection.rest.list("blockaffinities")
            else:
                assert len(connection.rest.list("blockaffinities")) == blocks
                assert [one["spec"]["vxlanMode"] for one in connection.rest.list("ippools")] == ["Always"]
        finally:
            connection.close()


@pytest.mark.parametrize("profile", ["awsvpc-prefix", "awsvpc"])
def test_where_custom_networking_is_on_there_is_an_eniconfig(profile):
    with start_lab(profile) as lab:
        connection = connect(lab.kubeconfig, lab.context)
        try:
            subnets = [one["spec"]["subnet"] for one in connection.rest.list("eniconfigs")]
            assert bool(subnets) is (profile == "awsvpc-prefix")
        finally:
            connection.close()

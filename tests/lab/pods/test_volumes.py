"""Volumes of the lab's pods are written once, however many containers mount them."""

import os

from podwire_lab.pods.spec import PodContext, volumes

MOUNT = {"volumeMounts": [{"name": "code", "mountPath": "/code", "readOnly": True}]}
POD = {"metadata": {"namespace": "default"}, "spec": {"volumes": [{"name": "code", "configMap": {"name": "code"}}]}}
CONTEXT = PodContext(pod=POD, system="linux", pod_ips=(), host_ips=())


class Store:
    """A store with one ConfigMap."""

    def __init__(self, text):
        self.text = text

    def get(self, resource, namespace, name):
        return {"data": {"main.py": self.text}}


def filled(text, directory):
    (volume,) = volumes(CONTEXT, MOUNT, store=Store(text), directory=str(directory), node_directory=str(directory))
    return f"{volume['source']}/main.py"


def test_a_second_container_leaves_alone_what_the_first_may_be_reading(tmp_path):
    path = filled("print(1)", tmp_path)
    os.utime(path, (1, 1))
    assert filled("print(1)", tmp_path) == path
    assert os.stat(path).st_mtime == 1


def test_a_file_with_new_contents_takes_the_place_of_the_old_as_a_whole(tmp_path):
    with open(filled("print(1)", tmp_path), encoding="utf-8") as old, open(filled("print(2)", tmp_path)) as new:
        assert (old.read(), new.read()) == ("print(1)", "print(2)")
    assert os.listdir(tmp_path / "code") == ["main.py"]

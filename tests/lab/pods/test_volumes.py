"""Volumes of the lab's pods are written once, however many containers mount them."""

import base64
import os

from podwire_lab.pods.spec import PodContext, environment, volumes

MOUNT = {"volumeMounts": [{"name": "code", "mountPath": "/code", "readOnly": True}]}
POD = {"metadata": {"namespace": "default"}, "spec": {"volumes": [{"name": "code", "configMap": {"name": "code"}}]}}
CONTEXT = PodContext(pod=POD, system="linux", pod_ips=(), host_ips=())


class Store:
    """A store with one ConfigMap."""

    def __init__(self, text, **binary):
        self.text, self.binary = text, {name: base64.b64encode(data).decode() for name, data in binary.items()}

    def get(self, resource, namespace, name):
        return {"data": {"main.py": self.text}, "binaryData": self.binary}


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


def test_binary_data_become_files_byte_by_byte(tmp_path):
    store, data = Store("", archive=bytes(range(256))), bytes(range(256))
    (volume,) = volumes(CONTEXT, MOUNT, store=store, directory=str(tmp_path), node_directory=str(tmp_path))
    with open(f"{volume['source']}/archive", "rb") as file:
        assert file.read() == data
    assert sorted(os.listdir(volume["source"])) == ["archive", "main.py"]


def test_an_environment_takes_no_binary_data():
    container = {"name": "c", "envFrom": [{"configMapRef": {"name": "code"}}]}
    pod = {"metadata": {"name": "p", "namespace": "default", "uid": "1"}, "spec": {}}
    context = PodContext(pod=pod, system="linux", pod_ips=(), host_ips=())
    found = environment(context, container, Store("x", archive=b"y"))
    assert (found["main.py"], "archive" in found) == ("x", False)

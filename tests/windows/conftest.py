"""The agent on both sides of a cable: on the Windows build of CPython under Wine, and on this machine's Python.

Skipped as a whole, with the reason, where Wine or that Python is missing: `make test-windows` fetches what it can.
"""

import contextlib
import re
import shutil
import subprocess

import pytest
from agent_for_tests import agent
from wine_places import PYTHON, ROOT, Places

MISSING = [
    *(f"{program} is not on PATH" for program in ("wine", "wineserver", "nsenter") if not shutil.which(program)),
    *([] if PYTHON.is_file() else [f"{PYTHON.relative_to(ROOT)} is not there"]),
]


def pytest_collection_modifyitems(items):
    if MISSING:
        reason = (
            f"NOTHING OF THE AGENT IS TESTED ON WINDOWS: {'; '.join(MISSING)}; make test-windows fetches what it can"
        )
        for item in items:
            if item.path.is_relative_to(ROOT / "tests/windows"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def places():
    with Places() as both:
        yield both


@pytest.fixture(scope="session")
def windows(places):
    """A client of the agent on Windows."""
    environment = {**places.environment, "CONTAINER_SANDBOX_MOUNT_POINT": "C:\\C\\0123"}
    with agent(*places.on_windows("rpc"), env=environment, stderr=subprocess.PIPE) as client:
        yield client


@pytest.fixture(scope="session")
def linux(places):
    """A client of the agent on Linux."""
    with agent(*places.on_linux("rpc"), env=places.environment) as client:
        yield client


@contextlib.contextmanager
def serving(places, agent_on, identity, *options):
    """An agent that serves; once it listens, for as long as the block or the namespaces last."""
    environment = {**places.environment, "PODWIRE_IDENTITY": identity}
    # Python for Windows does not start under Wine when its output is a file.
    process = subprocess.Popen(
        agent_on("serve", *options), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        said = ""
        while not re.search(r"echo on port \d+", said):  # Wine has lines of its own.
            line = process.stderr.readline().decode()
            assert line, said
            said += line
        yield
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            pipe.close()  # Not read to its end: what runs behind nsenter ends with the namespaces.


@pytest.fixture(scope="session")
def linux_server(places):
    """Echo on Linux at 8080, HTTP at 8000, and a server of names, of which there are none, at 53."""
    options = ["--port", "8080", "--http-port", "8000", "--dns-port", "53"]
    with serving(places, places.on_linux, "linux", *options):
        yield


@pytest.fixture(scope="session")
def windows_server(places):
    """Echo on Windows at 8080 and 8081, HTTP at 8000, and a server of names at 53."""
    options = ["--port", "8080", "--port", "8081", "--http-port", "8000", "--dns-port", "53"]
    with serving(places, places.on_windows, "windows", *options):
        yield

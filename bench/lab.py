"""The life of a lab: time until ready, until probes are ready, until gone, and what a SIGKILL at any moment leaves."""

import os
import random
import signal
import statistics
import subprocess
import sys
import time

from podwire.cluster.connect import connect
from podwire.cluster.deployment.agent_archive import agent_archive
from podwire.cluster.deployment.workloads import DeployOptions, deploy
from podwire.cluster.discovery.discover import discover
from podwire_lab.lifecycle.process import start_lab
from podwire_lab.model.profiles import PROFILES

RUNS = 5
KILLS = 50


def median(values):
    return f"median {statistics.median(values):.2f} s (of {len(values)}: {min(values):.2f} to {max(values):.2f})"


def lives(profile):
    ready, probes, ended = [], [], []
    for number in range(RUNS):
        began = time.perf_counter()
        lab = start_lab(profile, agent=agent_archive)
        ready.append(time.perf_counter() - began)
        connection = connect(lab.kubeconfig, lab.context)
        facts = discover(connection, lab.external_host)
        deployment = deploy(connection, facts, DeployOptions(run_id=f"bench-{number}"))
        probes.append(time.perf_counter() - began)
        connection.close()
        began = time.perf_counter()
        lab.close()
        ended.append(time.perf_counter() - began)
    print(f"{profile}: API and nodes ready: {median(ready)}")
    print(f"{profile}: {len(deployment.probes)} pods ready, from nothing: {median(probes)}")
    print(f"{profile}: gone: {median(ended)}")


def processes():
    """Every process of a lab on this machine, by pid."""
    found = subprocess.run(["pgrep", "-f", "podwire_lab|agent.pyz"], capture_output=True, text=True, check=False)
    return {int(word) for word in found.stdout.split()} - {os.getpid()}


def namespaces():
    """The number of network namespaces (a kernel figure; needs root)."""
    found = subprocess.run(["lsns", "-n", "-t", "net"], capture_output=True, text=True, check=False)
    return len(found.stdout.splitlines())


OWNER = """
import time
from podwire.cluster.deployment.agent_archive import agent_archive
from podwire_lab.lifecycle.process import start_lab
start_lab({profile!r}, agent=agent_archive)
time.sleep(60)
"""


def kills(profile):
    before, left = namespaces(), 0
    slowest = 0.0
    for _ in range(KILLS):
        owner = subprocess.Popen([sys.executable, "-c", OWNER.format(profile=profile)], stdout=subprocess.DEVNULL)
        time.sleep(random.uniform(0.02, 2.0))
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        began = time.perf_counter()
        while processes() or namespaces() > before:
            if time.perf_counter() - began > 10:
                left += 1
                break
            time.sleep(0.01)
        slowest = max(slowest, time.perf_counter() - began)
    print(f"{profile}: {KILLS} times SIGKILL at a random moment: {left} left something; slowest end {slowest:.2f} s")


if __name__ == "__main__":
    for name in sys.argv[1:] or PROFILES:
        lives(name)
    kills(next(iter(PROFILES)))

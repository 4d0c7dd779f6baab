"""The command `podwire doctor`: what stands in the way of a run, before anything is made."""

from __future__ import annotations

import argparse
from typing import Any

from podwire.cli.options import add_command
from podwire.cli.output import say, suites_as_input


def add_doctor_command(commands: Any) -> None:
    """Add the command to the command line."""
    text = "say what stands in the way of a run: rights, versions, nodes, images, kube-proxy, options; makes nothing"
    add_command(commands, "doctor", _doctor, text)


def _doctor(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from podwire.content import manifests_folder
    from podwire.doctor.examine import Intent, examine
    from podwire.doctor.remark import lines
    from podwire.redaction import redacted
    from podwire.running.run_options import run_options
    from podwire.running.runner import Runner
    from podwire.running.signals import interrupted_by_signals

    choice = run_options(options.values)
    probes, namespace = choice.probes, choice.cluster.namespace if choice.cluster else None
    intent = Intent(namespace=namespace or "", linux_image=probes.linux_image, windows_image=probes.windows_image)
    with suites_as_input(), interrupted_by_signals():
        runner = Runner(choice)
        try:
            connection = runner.target.connect(say)
            remarks = []
            for remark in examine(connection, runner.scope.facts, runner.scope.plan, intent, manifests_folder()):
                remarks.append(remark)
                if not options.json:
                    print(redacted("\n".join(lines([remark]))), flush=True)
        finally:
            runner.close()
    stops = sum(remark.state == "stop" for remark in remarks)
    if options.json:
        import json

        print(redacted(json.dumps([asdict(remark) for remark in remarks], indent=1, ensure_ascii=False)))
    else:
        notes = sum(remark.state in ("note", "unknown") for remark in remarks)
        print(f"{stops} in the way of a run, {notes} to look at, {len(remarks) - stops - notes} good")
    return 3 if stops else 0

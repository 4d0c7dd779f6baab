"""The API of a lab for the commands that work on one: the lab of `podwire watch`, or the one that stays up."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from podwire_lab.lifecycle.process import LabError
from podwire_lab.lifecycle.staying import lab_status

VARIABLE = "PODWIRE_LAB"
"""The environment variable with the kubeconfig of the lab that a command is to work on."""

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class LabApi:
    """Requests to the API of a lab, with all rights. `server` is its URL."""

    server: str
    token: str

    def ask(self, method: str, path: str, body: object = None, *, kind: str = "json", seconds: float = 15.0) -> Object:
        """One request, and its answer. `kind` is that of the body: `json`, or `merge-patch+json`.

        Raises:
            LabError: the API refuses it, or does not answer; the text is one line.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": f"application/{kind}"}
        request = urllib.request.Request(f"{self.server}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                found: Object = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise Refused(_words(error), error.code) from error
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise LabError(f"the lab's API does not answer: {error}") from error


class Refused(LabError):
    """The API has refused a request; `status` is that of HTTP."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def _words(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"the lab's API answers {error.code}"


def lab_api(otherwise: str = "") -> LabApi:
    """The lab that `PODWIRE_LAB` names, or else the one that is up. `otherwise` says what else a user could do.

    Raises:
        LabError: there is none; the text is one line that says what to do.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return _of(Path(named), f"{VARIABLE}={named}: no lab has this kubeconfig")
    state = lab_status()
    if state is None:
        raise LabError(f"no lab is up; start one with podwire lab up{otherwise}")
    return _of(Path(state.kubeconfig), f"{state.kubeconfig}: cannot be read")


def _of(kubeconfig: Path, problem: str) -> LabApi:
    try:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        server, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, IndexError) as error:
        raise LabError(f"{problem}; start the command from podwire watch, or a lab with podwire lab up") from error
    return LabApi(server=str(server), token=str(token))

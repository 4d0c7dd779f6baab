"""The two ways in which a run cannot be: the user asked for something impossible, or the cluster cannot be used.

Both carry one line that names the file, field or object concerned and what to do. The command line prints that line and
exits with the error's code; it never shows a traceback for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from podwire.redaction import redacted

INCONCLUSIVE_ONLY = 10
EXIT_CODES: Mapping[int, str] = {
    0: "every planned case was judged, and none is red",
    1: "a case failed, or a planned case has no result",
    2: "wrong usage or input: an option, a file, a selection without a case; the run was interrupted",
    3: "the cluster could not be used: not reachable, not allowed, too old, no probe became ready, "
    "or no case uses a node that `--require` names",
    INCONCLUSIVE_ONLY: "nothing failed, but a case is inconclusive",
}
"""What the exit code of a run means. It is the same for `podwire run` and for pytest on the suites."""


class PodwireError(Exception):
    """An error that its text explains; no secret is in it. `exit_code` is what the process ends with."""

    exit_code = 1

    def __init__(self, text: str = "") -> None:
        super().__init__(redacted(str(text)))


class UsageError(PodwireError):
    """Wrong usage or input: a file, an option, a name. Exit code 2."""

    exit_code = 2


class ClusterError(PodwireError):
    """The cluster could not be used: not reachable, not allowed, too old, not able. Exit code 3."""

    exit_code = 3


class Unreachable(ClusterError):
    """No usable answer came from the API server within the bounded wait."""


class MalformedAnswer(ClusterError):
    """The API server tells something that is no object of Kubernetes, or one that podwire cannot read."""


class ApiError(ClusterError):
    """The API server refused a request.

    `status` is the HTTP status, `reason` the machine-readable word of the Status object (`Forbidden`, `NotFound`,
    `AlreadyExists`, ...), `message` the server's own sentence.
    """

    def __init__(self, text: str = "", *, status: int = 0, reason: str = "", message: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.message = redacted(message)


class Unauthorized(ApiError):
    """401: the API server does not know who asks."""


class Forbidden(ApiError):
    """403: it knows, and refuses: by RBAC, by Pod Security, by a quota, or because the namespace is going away."""

    @property
    def for_want_of_rights(self) -> bool:
        """Whether it is authorization that refuses, in its sentence `User "x" cannot create resource "pods" ...`. A
        webhook may use the same words in another order."""
        return bool(_NO_RIGHTS.search(self.message)) and not self.message.startswith(BY_WEBHOOK)


_NO_RIGHTS = re.compile(r'User ".*?" cannot [a-z]+ resource "')
BY_WEBHOOK = "admission webhook "
"""How the sentence of a webhook that refuses an object begins, whatever status it gives."""


def concerns_the_run(error: Exception) -> bool:
    """Whether what is refused is not one object but the user: rights are missing, or the credentials are not taken."""
    return isinstance(error, Unauthorized) or (isinstance(error, Forbidden) and error.for_want_of_rights)


class NotFound(ApiError):
    """404: no such object, or no such kind of object on this server."""


class Conflict(ApiError):
    """409: the object exists already, or somebody else changed it."""

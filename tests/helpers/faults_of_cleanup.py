"""Faults of an API server after the end of a run."""

from fault_rules import INTERRUPTED, KEPT, RUNS, ApiFault, first, on, only_after_deploying
from misbehaving_api import RESET_BEFORE, SILENT, Act, refuse

FAULTS_OF_CLEANUP = (
    # Clean-up
    ApiFault(
        "clean-up-401",
        "accepts no token after the run",
        KEPT,
        only_after_deploying(refuse(401, "Unauthorized")),
        "401 Unauthorized",
    ),
    ApiFault(
        "clean-up-403",
        "refuses to delete the namespace",
        KEPT,
        on("delete", "namespaces", refuse(403, "Forbidden", "no")),
        "not allowed to delete",
    ),
    ApiFault(
        "clean-up-away-for-a-moment",
        "resets some connections after the run",
        RUNS,
        on("get", "namespaces", RESET_BEFORE, numbers=first(3)),
    ),
    ApiFault(
        "clean-up-away",
        "resets all connections after the run",
        KEPT,
        only_after_deploying(RESET_BEFORE),
        "may still exist, after",
    ),
    ApiFault(
        "clean-up-500",
        "answers 500 to everything after the run",
        KEPT,
        only_after_deploying(refuse(500, "InternalError")),
        "may still exist, after",
    ),
    ApiFault(
        "clean-up-silent",
        "does not answer after the run",
        KEPT,
        only_after_deploying(SILENT),
        "may still exist, after",
    ),
    ApiFault(
        "clean-up-malformed",
        "reports a malformed namespace after the run",
        KEPT,
        on("get", "namespaces", Act(obj={"metadata": None})),
        "no object with a name",
    ),
    ApiFault(
        "clean-up-endless",
        "never finishes the deletion of the namespace",
        KEPT,
        on("delete", "namespaces", Act(done=False, obj={})),
        "is still being deleted after",
    ),
    ApiFault(
        "clean-up-pods-refused",
        "refuses to delete single pods",
        RUNS,
        on("delete", "pods", refuse(403, "Forbidden", "no")),
    ),
    ApiFault(
        "clean-up-interrupted",
        "is slow, and the user presses Ctrl-C",
        INTERRUPTED,
        on("delete", "namespaces", Act(done=False, obj={})),
        "interrupted",
    ),
)

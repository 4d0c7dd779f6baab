"""What an API server may do when a run is over."""

from fault_rules import INTERRUPTED, KEPT, RUNS, ApiFault, first, on, only_after_deploying
from misbehaving_api import RESET_BEFORE, SILENT, Act, refuse

FAULTS_OF_CLEANUP = (
    # Clean-up
    ApiFault(
        "clean-up-401",
        "takes no token any more when the run has ended",
        KEPT,
        only_after_deploying(refuse(401, "Unauthorized")),
        "401 Unauthorized",
    ),
    ApiFault(
        "clean-up-403",
        "does not allow the namespace to be deleted",
        KEPT,
        on("delete", "namespaces", refuse(403, "Forbidden", "no")),
        "not allowed to delete",
    ),
    ApiFault(
        "clean-up-away-for-a-moment",
        "resets connections for a moment when the run has ended",
        RUNS,
        on("get", "namespaces", RESET_BEFORE, numbers=first(3)),
    ),
    ApiFault(
        "clean-up-away",
        "resets all connections when the run has ended",
        KEPT,
        only_after_deploying(RESET_BEFORE),
        "may have stayed, after",
    ),
    ApiFault(
        "clean-up-500",
        "answers 500 to everything when the run has ended",
        KEPT,
        only_after_deploying(refuse(500, "InternalError")),
        "may have stayed, after",
    ),
    ApiFault(
        "clean-up-silent",
        "says nothing any more when the run has ended",
        KEPT,
        only_after_deploying(SILENT),
        "may have stayed, after",
    ),
    ApiFault(
        "clean-up-malformed",
        "tells a namespace that is none when the run has ended",
        KEPT,
        on("get", "namespaces", Act(obj={"metadata": None})),
        "no object with a name",
    ),
    ApiFault(
        "clean-up-endless",
        "never ends the deletion of the namespace",
        KEPT,
        on("delete", "namespaces", Act(done=False, obj={})),
        "is still being deleted after",
    ),
    ApiFault(
        "clean-up-pods-refused",
        "does not allow pods to be deleted one by one",
        RUNS,
        on("delete", "pods", refuse(403, "Forbidden", "no")),
    ),
    ApiFault(
        "clean-up-interrupted",
        "takes its time, and the user presses Ctrl-C",
        INTERRUPTED,
        on("delete", "namespaces", Act(done=False, obj={})),
        "interrupted",
    ),
)

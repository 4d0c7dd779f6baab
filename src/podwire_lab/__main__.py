"""`python -m podwire_lab`: the lab's own processes. `podwire_lab.lifecycle.process` starts it and writes JSON to stdin.

supervisor   leaves the host's namespaces, ends the lab when the owner ends, removes its directory
  └ PID 1    of a PID namespace: network, API server, controllers and node agents (`podwire_lab.cluster`)
      └ spawner, containers
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import socket
import sys

from podwire_lab.kernel import namespaces as ns
from podwire_lab.kernel import nft
from podwire_lab.kernel.priority import BEFORE_OTHERS, be_served
from podwire_lab.lifecycle.start import KEEP_GOING, CannotBuild, Start, report

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def leave_host() -> None:
    """Enter new network and, for the next child, PID namespaces; as another user than root also a user namespace."""
    try:
        if os.geteuid() != 0:
            ns.become_root_of_user_namespace()
        ns.unshare(ns.CLONE_NEWNET | ns.CLONE_NEWPID)
    except OSError as error:
        raise CannotBuild(
            f"this system does not allow user namespaces ({error.strerror}): run as root, or allow them "
            "(sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
        ) from error


def check_tools() -> None:
    """Check that `nft`, which loads the nodes' rulesets, is installed; its package is called nftables."""
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}"
    try:
        nft.program()
    except nft.NftMissing as error:
        raise CannotBuild(f"the lab needs nft: {error}") from error


def supervise(start: Start, first: int) -> int:
    """Wait for the end of PID 1, of the owner or of this process; then end PID 1, and with it the whole lab."""
    awake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    poll = select.poll()
    lab = os.pidfd_open(first)
    owners = [start.lifeline]
    if os.getppid() == start.owner:  # a fork of the owner may hold the lifeline open after its death
        owners.append(os.pidfd_open(start.owner))
    for fd in (lab, awake, *owners):
        poll.register(fd, select.POLLIN)
    while True:
        events = {fd for fd, _ in poll.poll()}
        if start.lifeline in events and os.read(start.lifeline, 64) == KEEP_GOING:
            for fd in owners:
                poll.unregister(fd)
            owners = []
        elif events & {lab, awake, *owners}:
            break
    with contextlib.suppress(ProcessLookupError):
        os.kill(first, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])


def be_first(start: Start, supervisor_alive: int) -> None:
    """Run PID 1 of the lab: it ends with the supervisor, and forks the spawner before it grows."""
    ns.prctl(ns.PR_SET_PDEATHSIG, signal.SIGKILL)
    supervisor_end = select.poll()
    supervisor_end.register(supervisor_alive, 0)
    if supervisor_end.poll(0):  # the supervisor ended before the line above
        return
    ns.unshare(ns.CLONE_NEWNS)
    ns.mount("none", "/", flags=ns.MS_REC | ns.MS_PRIVATE)
    with contextlib.suppress(OSError):  # fails where parts of /proc are hidden; /proc then shows the host's process ids
        ns.mount("proc", "/proc", "proc", ns.MS_NOSUID | ns.MS_NODEV | ns.MS_NOEXEC)
    os.mkdir(start.work)
    ns.mount("tmpfs", start.work, "tmpfs", ns.MS_NOSUID | ns.MS_NODEV, "mode=755")
    for name in ("root", "pods", "nodes"):
        os.mkdir(f"{start.work}/{name}")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        for fd in (start.listen, start.lifeline, start.ready, start.lock, ours.fileno()):
            os.close(fd)
        from podwire_lab.pods import spawner

        spawner.main(theirs)
    theirs.close()
    os.setsid()  # The spawner and the supervisor keep the priority of their session.
    be_served(BEFORE_OTHERS)
    gc.disable()  # Until the lab is ready: the imported modules stay, and the collector takes a tenth of the start.
    # aiohttp reads all certificates of the system at import: 0.1 s for TLS that the lab never uses.
    os.environ |= {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
    from podwire_lab.cluster import run

    run(start, ours)


def main() -> int:
    start = Start.read(sys.stdin.readline())
    for fd in (start.listen, start.lifeline, start.ready, start.lock):
        os.set_inheritable(fd, False)
    try:
        report(start.ready, {"step": "the process runs"})
        check_tools()
        leave_host()
        alive, held = os.pipe2(os.O_CLOEXEC)
        first = os.fork()
        if first == 0:
            os.close(held)
            status = 1
            try:
                be_first(start, alive)
                status = 0
            except CannotBuild as error:
                report(start.ready, {"error": str(error)})
            except BaseException as error:
                sys.excepthook(type(error), error, error.__traceback__)
                report(start.ready, {"error": f"the lab could not be built: {type(error).__name__}: {error}"})
            finally:
                sys.stderr.flush()
                os._exit(status)
        for fd in (start.listen, start.ready):
            os.close(fd)
        return supervise(start, first)
    except CannotBuild as error:
        report(start.ready, {"error": str(error)})
        return 1
    finally:
        shutil.rmtree(start.directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

"""`python outside.py DIRECTORY`: an RPC agent on the host outside of the lab that lives in this directory.

It stands for `ssh echo.example.net python3 agent.pyz rpc` at a real site. This process hands its standard streams to
the lab, which runs the agent on them beside the host's echo server, and waits for its exit code. When one of the two
ends, the other ends too. Without a lab the exit code is 255, as with ssh. Standard library only: every run starts it.
"""

import contextlib
import os
import signal
import socket
import sys

DOOR = "outside.socket"
STDIO = 3
NO_LAB = 255


def main(directory: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        try:
            with contextlib.chdir(directory):  # The path of a socket has at most 107 bytes (unix(7)).
                door.connect(DOOR)
            socket.send_fds(door, [b"rpc"], range(STDIO))
            os.close(0)  # The agent has the streams now: the other end must see when the agent closes them.
            os.close(1)
            exit_code = door.recv(16)
        except OSError as error:
            sys.stderr.write(f"no lab in {directory}: {error.strerror}\n")
            return NO_LAB
    return int(exit_code) if exit_code else NO_LAB


if __name__ == "__main__":
    status = main(sys.argv[1])
    sys.stderr.flush()
    os._exit(status)

"""Starts the command. Python knows this file's folder only, so the path of `podwire_lab` is added as the last one."""

import os
import sys

sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), "../../../..")))

from podwire_lab.windows.programs.pktmon.command import main

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        sys.exit(0)  # The reader of the output has ended.

"""Starts the command. Python knows the folder of this file only, so the place of `podwire_lab` is added, behind all."""

import os
import sys

sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), "../../../..")))

from podwire_lab.windows.programs.pktmon.command import main

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        sys.exit(0)  # Whoever reads the output has gone.

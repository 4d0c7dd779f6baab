"""`python -m podwire` is the command line."""

import sys

from podwire.cli import main

sys.exit(main())

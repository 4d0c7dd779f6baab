"""`python -m podwire` is the command line."""

import sys

from podwire.cli.main import main

sys.exit(main())

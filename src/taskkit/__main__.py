"""`python -m taskkit` is `taskkit`."""

import sys

from taskkit.cli import main

sys.exit(main())

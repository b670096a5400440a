"""`python -m neurojoule`: the same as the command `neurojoule`."""

import sys

from neurojoule.cli import main

sys.exit(main())

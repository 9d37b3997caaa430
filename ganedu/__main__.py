"""`python -m ganedu`, for those whose PATH lacks the command."""

import sys

from ganedu.cli import main

sys.exit(main())

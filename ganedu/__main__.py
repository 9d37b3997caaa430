"""`python -m ganedu ...`, the same as `ganedu ...`."""

import sys

from ganedu.cli import main

if __name__ == "__main__":
    sys.exit(main())

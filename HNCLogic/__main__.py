"""``python -m HNCLogic`` is ``hnc``."""

import sys

from HNCLogic.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m rca_plugin`: the same as the command `rca`."""

from __future__ import annotations

import sys

from rca_plugin.cli import main

# Where plugins/.airflowignore is missing, Airflow 3.3 executes this file under the name __main__ in every one of
# its processes; only `python -m` also names the package.
if __name__ == "__main__" and __package__ == "rca_plugin":
    sys.exit(main())

"""Makes Tests/Support known to the tests of this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "Support"))

from fixtures import *  # noqa: E402, F403 - pytest finds fixtures by name

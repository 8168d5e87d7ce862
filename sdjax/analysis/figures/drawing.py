"""What the preparation of an analysis returns: all that is left is to compute."""

from collections.abc import Callable
from typing import Any

from sdjax.reports.pictures import Pixels

Drawing = Callable[[], tuple[Pixels, dict[str, Any]]]  # the picture, and numbers for numbers.json

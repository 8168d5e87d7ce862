import subprocess
import sys

import pytest

COMMAND = """
import sys
import sdjax.reports.metrics, sdjax.reports.pictures, sdjax.reports.progress
import sdjax.reports.scalars, sdjax.reports.turntable, sdjax.runs.checkpoints
print([name for name in ("orbax", "rich", "tensorboardX", "imageio", "PIL") if name in sys.modules])
"""


@pytest.mark.slow
def test_heavy_libraries_are_imported_where_they_are_used():
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True)
    assert done.stdout == "[]\n"

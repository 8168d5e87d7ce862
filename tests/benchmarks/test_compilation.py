"""Programs in fresh processes."""

import json

import pytest

from sdjax.benchmarks.compilation import measure_compilation
from sdjax.benchmarks.section import Deadline
from tests.benchmarks.opened import rows_of
from tests.benchmarks.small import TINY, small_config


@pytest.mark.long
def test_the_second_process_finds_the_program_in_the_cache(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(small_config().to_dict()))
    (row,) = rows_of(measure_compilation(path, [("prediction", TINY)], Deadline.after(200.0)))
    assert row["compile, cached, s"] < 0.5 * row["compile, cold, s"]
    assert row["peak memory, MiB"] > row["planned memory, MiB"] > 1
    assert row["until first result, cold, s"] > row["trace, s"] + row["compile, cold, s"]

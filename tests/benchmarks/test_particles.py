import pytest

from sdjax.benchmarks.method import Method
from sdjax.benchmarks.particles import measure_particles
from sdjax.benchmarks.section import Deadline
from tests.benchmarks.opened import CACHED, SMALL, rows_of
from tests.small_runs import images_config

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.mark.slow
def test_rows_of_the_table_of_particles(tiny_priors):
    config = images_config(**SMALL, **CACHED)
    variants = [("map", 1)]
    events = measure_particles(
        "dsd", config, "small", (3, 1), variants, 2, Method(1, 1e-4), Deadline.after(100.0)
    )
    three, one = rows_of(events)
    assert (three["particles"], one["particles"]) == (3, 1)
    assert one["ratio to single runs"] == 1
    for row in (three, one):  # beside a single run that is measured for each row again
        found = row["ms per particle and step"] / row["single run, ms per step"]
        assert row["ratio to single runs"] == pytest.approx(found)

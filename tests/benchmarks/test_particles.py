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
        "dsd", config, "small", (3,), variants, 2, Method(1, 1e-4), Deadline.after(100.0)
    )
    one, three = rows_of(events)
    assert (one["particles"], three["particles"]) == (1, 3)
    assert one["ratio to single runs"] == 1
    each = one["ms per particle and step"]
    assert three["ratio to single runs"] == pytest.approx(three["ms per particle and step"] / each)

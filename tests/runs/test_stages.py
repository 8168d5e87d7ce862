"""The parts of a run: as a config lists them side by side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdjax.config.errors import UserError
from sdjax.runs.schema import load_config
from sdjax.runs.stages import Stage, check_stages, highest_resolution, stages, total_steps
from tests.small_runs import objects_config

COLUMNS = st.integers(1, 4).flatmap(
    lambda count: st.tuples(
        *(
            st.lists(st.sampled_from(values), min_size=count, max_size=count)
            for values in ([1, 7, 300], [8, 16, 32], [2, 6])
        )
    )
)


def config_of(steps, resolution, grid):
    table = {"steps": steps, "resolution": resolution, "grid": grid}
    return load_config({"stages": table})


def test_the_stages_follow_each_other():
    first, second = stages(objects_config())
    assert first == Stage(0, 6, 8, 6, 1, 8) and second == Stage(6, 10, 16, 8, 1, 16)
    assert total_steps(objects_config()) == 10 and highest_resolution(objects_config()) == 16


@given(COLUMNS)
def test_every_step_lies_in_one_stage(columns):
    config = config_of(*columns)
    check_stages(config)
    found = stages(config)
    assert [step for stage in found for step in range(stage.first, stage.last)] == list(
        range(total_steps(config))
    )
    assert [(stage.resolution, stage.grid) for stage in found] == list(
        zip(*columns[1:], strict=True)
    )
    assert highest_resolution(config) == max(columns[1])


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (((4,), (8, 16), (6, 8)), "config.stages has 2 grid, 2 resolution, 1 steps, expected as "),
        (((4, 4), (8, 16), (6, 8, 9)), "config.stages has 3 grid, 2 resolution, 2 steps, expected"),
        (((4, 4), (8, 12), (6, 8)), "config.stages.resolution has 8, expected divisors of 12."),
        (((4, 4), (16, 12), (6, 8)), "config.stages.resolution has 12, expected divisors of 16."),
    ],
)
def test_stages_that_do_not_go_together_are_one_sentence(columns, sentence):
    with pytest.raises(UserError) as caught:
        check_stages(config_of(*columns))
    assert str(caught.value).startswith(sentence)

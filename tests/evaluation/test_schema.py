"""What configurations of `sdjax.measure` say, and what is refused before anything is trained."""

import pytest

from sdjax.config.errors import UserError
from sdjax.evaluation.asked import Asked
from sdjax.evaluation.schema import check_config, load_config, runs_of
from sdjax.runs.schema import load_config as load_training


def test_a_run_is_its_task_but_for_what_the_measure_sets():
    config = load_config("measure", ["task=small_3d:fsd", "nouns=teapot", "views=6", "seeds=3"])
    runs = runs_of(config)
    assert list(runs) == [Asked("teapot", "orange"), Asked("teapot", "white")]
    own = {"prompt": "an orange teapot", "seeds": 3, "report.views": 6}
    films = {"report.frames": 16, "report.turntable_resolution": 64}
    assert runs[Asked("teapot", "orange")] == load_training("small_3d:fsd", own | films)


def test_training_is_changed_field_by_field_and_what_is_stored_is_whole():
    config = load_config("measure", {"train.stages.steps": (20, 10), "colours.mug": ("teal",)})
    run = runs_of(config)[Asked("mug", "teal")]
    assert run.stages.steps == (20, 10) and run.stages.resolution == (32, 64)
    assert load_config(config.to_dict()) == config
    other = load_config({"task": "embedded_3d:sds", "train": {"stages": {"steps": (2, 2)}}})
    assert (other.train.rule.name, other.train.stages.steps) == ("sds", (2, 2))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["task=nowhere:dsd"], "There is no configuration file nowhere"),
        (["task=small_3d:dds"], "config.rule.name is 'dds', expected one of sds"),
        (["task=sample"], "config.task is 'sample', expected a configuration of sdjax.train"),
        (["task=benchmark"], "config.task is 'benchmark', expected a configuration of sdjax.train"),
        (["task=small_2d:dsd"], "whose particles are pictures, expected a task in 3D"),
        (["nouns=mgu"], "config.nouns is .'mgu',., expected one or more values, each one of mug"),
        (["colours.mug=rde"], "config.colours.mug is .'rde',., expected .* each one of red"),
        (["train.rule.name=fsd"], "the rule is the task's; take --config.task=TASK:RULE."),
        (["train.prompt=a mug"], "config.train.prompt is not a field"),
        (["task=embedded_3d:sds", "colours.mug=teal"], 'no mug is "teal"'),
        ({"train": 3}, "config.train is 3, expected a table of fields"),
    ],
)
def test_what_is_wrong_is_one_sentence(overrides, sentence):
    with pytest.raises(UserError, match=sentence):
        if isinstance(overrides, dict):
            load_config(overrides)
        check_config(load_config("measure", overrides))

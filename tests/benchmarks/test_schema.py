"""What a configuration of `sdjax.benchmark` may leave out, and what its fields are."""

import pytest

from sdjax.benchmarks.schema import SPEED, load_config, schema_of
from sdjax.config.errors import UserError
from sdjax.config.tables import resolve
from sdjax.runs import schema

OWN = {
    "rendering": {"run": "mine"},
    "particles": {"run": "mine"},
    "compilation": {"runs": ("mine",)},
    "runs": {"mine": {"rule": {"name": "fsd"}}},
}


def test_what_is_left_out_has_its_default():
    config = load_config(OWN)
    assert (config.sections, config.peer, config.method.repeats) == (SPEED, None, 5)
    assert config.runs.mine == schema.load_config({"rule": {"name": "fsd"}})


def test_overrides_reach_the_fields_of_a_run():
    changed = load_config(OWN, ["runs.mine.annealing.t_max=0.5", "sections=step,particles"])
    assert changed.runs.mine.annealing.t_max == 0.5
    assert changed.sections == ("step", "particles")


def test_every_field_has_a_meaning():
    config = load_config(OWN)
    fields = dict(resolve(schema_of(config), config))
    assert {name for name, field in fields.items() if not field.meaning} == set()


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (OWN | {"runs": {}}, r"runs is missing or empty, expected a training table for each run\."),
        (OWN | {"runs": {"mine": 3}}, r"config\.runs\.mine is 3, expected a table of fields\."),
        (OWN | {"rendering": {}}, r"config\.rendering\.run is missing, expected a text\."),
        (OWN | {"peak": {"flops": 1}}, r"config\.peak\.flops is not a field; the nearest is"),
        ({"sections": ("step",)}, r"config\.runs is missing or empty"),
    ],
)
def test_what_cannot_be_is_one_sentence(table, sentence):
    with pytest.raises(UserError, match=sentence):
        load_config(table)

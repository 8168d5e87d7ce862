"""What a configuration of `sdjax.analyse` may leave out, and what its fields are."""

import pytest

from sdjax.analysis.checks import load_config, schema_of
from sdjax.analysis.runs import training_configs
from sdjax.config.errors import UserError
from sdjax.config.tables import resolve
from sdjax.runs import schema

TWO = {
    "analysis": {"name": "trajectories"},
    "prompt": "a chair",
    "scene": {"name": "image"},
    "stages": {"steps": (300,), "resolution": (64,), "grid": (2,)},
    "runs": {
        "FSD": {"rule": {"name": "fsd"}},
        "ISM": {"rule": {"name": "ism"}, "annealing": {"t_max": 0.9}},
    },
}


def test_what_is_left_out_has_its_default():
    config = load_config(TWO)
    assert (config.analysis.moments, config.ddim.steps, config.seeds) == (7, 50, 1)
    assert config.scene.spread == schema.load_config({"scene": {"name": "image"}}).scene.spread
    assert set(config.runs.ISM) == {"rule", "annealing"}


def test_runs_have_the_annealing_and_noise_of_their_rules():
    configs = training_configs(load_config(TWO))
    for name, changes in (("FSD", {}), ("ISM", {"annealing.t_max": 0.9})):
        alone = schema.load_config({"rule": {"name": name.lower()}}, changes)
        assert configs[name].annealing == alone.annealing
        assert configs[name].noise == alone.noise and configs[name].rule == alone.rule


def test_overrides_reach_the_fields_of_a_run():
    changed = load_config(TWO, ["runs.ISM.annealing.t_max=0.5", "runs.FSD.rule.name=dsd"])
    assert changed.runs.ISM.annealing.t_max == 0.5
    assert changed.runs.FSD.rule == schema.load_config({"rule": {"name": "dsd"}}).rule


@pytest.mark.parametrize(
    "source", [TWO, "analysis/inverted_noise", "analysis/initial_noise:stable_diffusion"]
)
def test_every_field_has_a_meaning(source):
    config = load_config(source)
    fields = dict(resolve(schema_of(config), config))
    assert {name for name, field in fields.items() if not field.meaning} == set()


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (TWO | {"runs": {}}, r"config\.runs is missing or empty, expected a table for each run\."),
        (TWO | {"runs": {"FSD": 3}}, r"config\.runs\.FSD is "),
        (TWO | {"runs": {"FSD": {"rul": {}}}}, r"config\.runs\.FSD\.rul is not a field"),
        (
            TWO | {"promt": "a mug"},
            r"config\.promt is not a field; the nearest is config\.prompt\.",
        ),
        ({"analysis": {}}, r"config\.runs is missing or empty"),
        ({"analysis": {"name": "inverted_noise"}, "runs": {}}, r"config\.runs is not a field"),
    ],
)
def test_what_cannot_be_is_one_sentence(table, sentence):
    with pytest.raises(UserError, match=sentence):
        load_config(table)

"""Several training configurations in one, and back."""

import pytest

from sdjax.analysis.runs import side_by_side, training_configs
from sdjax.config.loading import freeze
from sdjax.runs.schema import load_config

NAMES = {rule.upper(): f"embedded_2d:{rule}" for rule in ("fsd", "dsd", "sds")}


@pytest.fixture(scope="module")
def configs():
    return {name: load_config(source) for name, source in NAMES.items()}


def test_what_differs_stands_in_the_runs(configs):
    table = side_by_side(configs)
    assert {"rule", "annealing", "optimizer"} <= set(table["runs"]["FSD"])
    assert not set(table["runs"]["FSD"]) & set(table)
    assert table["runs"]["DSD"]["rule"] == configs["DSD"].rule.to_dict()
    assert table["prompt"] == "a chair" and table["stages"]["steps"] == (300,)


def test_the_training_configurations_come_back(configs):
    table = side_by_side(configs) | {"analysis": {"name": "x"}, "ddim": {"steps": 3}}
    assert training_configs(freeze(table)) == configs


def test_prompt_seeds_and_prior_are_those_of_the_first(configs):
    other = load_config(configs["DSD"], {"prompt": "a mug", "prior.data_std": 0.5, "seeds": 2})
    table = side_by_side({"FSD": configs["FSD"], "DSD": other})
    back = training_configs(freeze(table))["DSD"]
    assert (back.prompt, back.seeds, back.prior.data_std) == ("a chair", 64, 0.0)


def test_one_run_alone_has_a_table_of_its_own(configs):
    table = side_by_side({"FSD": configs["FSD"]})
    assert set(table["runs"]["FSD"]) == {"rule"} and "rule" not in table

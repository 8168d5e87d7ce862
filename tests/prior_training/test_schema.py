"""What configurations of `sdjax.train_prior` may leave out, and what its fields are."""

import pytest

from sdjax.config.errors import UserError
from sdjax.config.tables import flatten, resolve
from sdjax.prior_training.schema import schema_of
from sdjax.train_prior import load_config

CONTINUED = {
    "seed": 1,
    "data.pictures": 65_536,
    "autoencoder.steps": 0,
    "diffusion.steps": 10_000,
    "diffusion.learning_rate": 5e-3,
    "diffusion.timestep_power": 2.0,
}
FINE_TUNED = {
    "autoencoder.steps": 0,
    "diffusion.steps": 1000,
    "diffusion.learning_rate": 1e-4,
    "diffusion.optimizer": "adamw",
    "diffusion.trains_text": False,
}


def test_what_an_earlier_version_has_stored_means_what_it_meant():
    """Its tables do not know of Muon, of eight words for views, or of other kinds of models."""
    config = load_config({})
    assert (config.trains, config.diffusion.optimizer) == ("stable_diffusion", "adamw")
    assert (config.data.says.octant, config.diffusion.min_snr) == (0.0, None)


@pytest.mark.parametrize(
    ("name", "expected"), [("continue_prior", CONTINUED), ("fine_tune_prior", FINE_TUNED)]
)
def test_the_others_differ_from_it_in_few_fields(name, expected):
    first, other = flatten(load_config("train_prior")), flatten(load_config(name))
    both = {field for field in other if field in first and not field.endswith(".name")}
    assert {field: other[field] for field in both if other[field] != first[field]} == expected


@pytest.mark.parametrize(
    "name",
    [
        "train_prior",
        "continue_prior",
        "fine_tune_prior",
        "train_judge",
        "train_clip",
        "fine_tune_clip",
    ],
)
def test_every_field_has_a_meaning(name):
    fields = dict(resolve(schema_of(name), load_config(name)))
    assert {name for name, field in fields.items() if not field.meaning} == set()


def test_a_folder_must_be_named():
    with pytest.raises(UserError, match=r"^config\.data\.path is missing when .*'folder'"):
        load_config({"data": {"name": "folder"}})

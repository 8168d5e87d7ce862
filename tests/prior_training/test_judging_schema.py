"""What configurations of `sdjax.judge_prior` may leave out, and what its fields are."""

import pytest

from sdjax.config.errors import UserError
from sdjax.config.tables import resolve
from sdjax.judge_prior import load_config
from sdjax.prior_training.judging_schema import SCHEMA
from sdjax.prior_training.sources import OBJECTS
from sdjax.train_prior import load_config as load_training


def test_objects_and_cameras_are_those_of_the_training():
    judged, trained = load_config("judge_prior").objects, load_training("train_prior").data
    assert judged.to_dict() == {name: trained[name] for name in OBJECTS}


def test_every_field_has_a_meaning():
    fields = dict(resolve(SCHEMA, load_config("judge_prior")))
    assert {name for name, field in fields.items() if not field.meaning} == set()


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"prior.name": "embedded"}, "config.prior.name is 'embedded', expected one of stable_"),
        ({"objects.nouns": ("spoon",)}, r"objects.nouns is \('spoon',\), .* each one of mug, "),
        ({"margin": 45}, "config.margin is 45, expected a number from 0 to 44"),
    ],
)
def test_what_cannot_be_is_one_sentence(overrides, sentence):
    with pytest.raises(UserError, match=sentence):
        load_config("judge_prior", overrides)

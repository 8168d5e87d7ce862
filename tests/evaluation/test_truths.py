"""Banks of true renderings."""

from types import SimpleNamespace

import numpy as np
import pytest

from sdjax.cameras import turntable
from sdjax.evaluation.asked import Asked
from sdjax.evaluation.truths import FIELDS, bank_of, drawn
from sdjax.objects.prompts import CATEGORIES, find
from sdjax.objects.render import render_views

CAMERAS, SIZE = turntable(2, 20.0, 3.2, 40.0), 12


class Table(SimpleNamespace):
    """As a configuration has it."""

    def __getitem__(self, name):
        return vars(self)[name]


TABLE = Table(draws=3, stretch=0.15, shade=0.04)


def as_bytes(images):
    return np.round(255.0 * np.asarray(images)).astype(np.uint8)


@pytest.mark.parametrize("noun", ["mug", "house"])
def test_the_bank_has_each_object_as_it_is_and_varied(noun):
    objects = find(noun)
    asked = Asked(noun, objects[0].words[0])
    bank = bank_of(asked, TABLE, 0)
    assert bank.objects == [obj.name for obj in objects for _ in range(3)]
    pictures = bank.seen(CAMERAS, SIZE)
    assert pictures.shape == (24, 2, SIZE, SIZE, 3)
    own = as_bytes(render_views(objects[:1], CAMERAS, SIZE))[0]
    np.testing.assert_array_equal(pictures[0], own)
    assert len(np.unique(pictures.reshape(24, -1), axis=0)) == 24


def test_objects_take_the_colour_asked_for():
    """A teal mug, whatever the catalogue's colours are: more green and blue than red."""
    pictures = bank_of(Asked("mug", "teal"), TABLE, 0).seen(CAMERAS, SIZE).astype(float)
    red, green, blue = (255.0 - pictures).mean((1, 2, 3)).T
    assert (red > green).all() and (red > blue).all()  # what is missing from white


def test_a_seed_draws_the_same_and_others_are_not_in_the_bank():
    asked = Asked("chair", "pink")
    first, again = (bank_of(asked, TABLE, 0).seen(CAMERAS, SIZE) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    others = drawn(asked, 4, TABLE, 0)
    assert set(others.objects) <= {obj.name for obj in find("chair")}
    seen = others.seen(CAMERAS, SIZE)
    assert seen.shape[0] == 4 and np.abs(seen[:, None].astype(int) - first).any((2, 3, 4, 5)).all()


def test_its_fields_are_those_of_training():
    assert (FIELDS["stretch"].default, FIELDS["shade"].default) == (0.15, 0.04)
    assert all(len(find(noun)) == 8 for noun in CATEGORIES)

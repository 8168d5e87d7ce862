"""An object in a colour and proportions, and what may look like it."""

import jax
import numpy as np

from sdjax.objects.prompts import find
from sdjax.objects.variants import COLOURS, variant
from sdjax.prior_training.drawn_objects import draw_object, might_be
from sdjax.prior_training.scenes import Variety

VARIETY = Variety(0.2, 0.03)
HOUSES, MUGS = find("a house"), find("a mug")


def test_its_name_has_the_colour_that_it_has():
    striped = next(obj for obj in MUGS if "striped" in obj.words)
    drawn = draw_object(np.random.default_rng(0), [striped], VARIETY)._replace(colour="teal")
    assert drawn.name == "teal striped mug"


def test_what_might_be_a_mug():
    """All mugs as it is painted and stretched, and it in extreme proportions."""
    drawn = draw_object(np.random.default_rng(1), MUGS, VARIETY)
    found = might_be(drawn, MUGS, VARIETY)
    assert found[0] is drawn and len(found) == len(MUGS) + 6
    assert {one.obj.name for one in found} == {obj.name for obj in MUGS}
    assert {one.colour for one in found} == {drawn.colour}
    factors = np.stack([one.factors for one in found[len(MUGS) :]])
    changed = factors != drawn.factors
    assert (changed.sum(1) == 1).all() and (changed.sum(0) == 2).all()
    assert set(np.round(factors[changed], 6).tolist()) == {0.8, 1.0}


def test_a_roof_might_have_any_colour():
    house = next(obj for obj in HOUSES if obj.name == "yellow house")
    drawn = draw_object(np.random.default_rng(2), [house], VARIETY)
    found = might_be(drawn, [house], VARIETY)
    assert {one.roof_colour for one in found} == set(COLOURS)
    assert len(found) == 1 + len(COLOURS) - 1 + 6
    for one in might_be(drawn, HOUSES, VARIETY):
        expected = variant(one.obj, one.colour, one.roof_colour, one.factors, one.shade)
        jax.tree.map(np.testing.assert_array_equal, one.model(), expected)

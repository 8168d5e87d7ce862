"""What is drawn for training pictures: directions, words that are true, and one generator."""

import jax
import numpy as np
import pytest

from sdjax.cameras import DIRECTIONS, OCTANTS, octant, view_direction
from sdjax.objects.prompts import all_objects, find
from sdjax.objects.variants import COLOURS, roof, shape_words
from sdjax.prior_training.scenes import Framing, Variety, draw_scenes, take_pictures
from tests.objects.test_variants import distances

pytestmark = pytest.mark.usefixtures("quick_compilation")
NUMBER = 700
OBJECTS = all_objects()
FRAMING, LEVEL = Framing(), Framing(elevation=(-10.0, 40.0))
USUAL, PLAIN = Variety(), Variety(0.0, 0.0)


def scenes(seed=0, number=NUMBER, objects=OBJECTS, framing=FRAMING, variety=USUAL):
    return draw_scenes(np.random.default_rng(seed), number, objects, framing, variety)


@pytest.fixture(scope="module")
def many():
    return scenes()


def directions(made):
    return np.array([words.direction for words in made.words])


def one_of(model, index):
    return jax.tree.map(lambda leaf: leaf[index], model)


@pytest.mark.slow
def test_a_third_is_seen_from_each_side(many):
    named = directions(many)
    named = named[named != "overhead"]
    for direction in ("front", "back", "side"):
        assert np.mean(named == direction) == pytest.approx(1 / 3, abs=0.07)  # four deviations
    azimuth = np.asarray(many.cameras.azimuth)
    for centre in (90, 270):
        assert np.mean(np.abs(azimuth - centre) < 45) == pytest.approx(1 / 6, abs=0.05)


def test_azimuths_are_uniform_within_each_quarter(many):
    azimuth = np.asarray(many.cameras.azimuth)
    assert azimuth.min() >= 0 and azimuth.max() < 360
    within = np.mod(azimuth + 45.0, 90.0)
    assert within.mean() == pytest.approx(45.0, abs=4 * 26 / np.sqrt(NUMBER))
    counts, _ = np.histogram(within, bins=6, range=(0, 90))
    assert counts.min() > 0.7 * NUMBER / 6 and counts.max() < 1.3 * NUMBER / 6


def test_overhead_is_what_is_seen_from_above(many):
    high = np.asarray(many.cameras.elevation) > FRAMING.overhead
    np.testing.assert_array_equal(directions(many) == "overhead", high)
    assert high.mean() == pytest.approx((60 - 45) / 70, abs=0.06)


def test_words_of_directions_agree_with_those_of_prompts(many):
    index = np.asarray(view_direction(many.cameras, overhead=FRAMING.overhead))
    assert [DIRECTIONS[i] for i in index] == [words.direction for words in many.words]
    octants = [OCTANTS[i] for i in octant(many.cameras).tolist()]
    assert octants == [words.octant for words in many.words]  # from above, too


@pytest.mark.slow
def test_a_margin_keeps_away_from_the_borders_between_words():
    """No view is within 10 degrees of another word; all else is still seen."""
    framing = FRAMING._replace(margin=10.0)
    cameras = scenes(framing=framing).cameras
    azimuth, elevation = np.asarray(cameras.azimuth), np.asarray(cameras.elevation)
    to_border = np.abs(np.mod(azimuth, 90.0) - 45.0)
    assert 10.0 <= to_border.min() < 11.0 and to_border.max() > 44.0
    above = elevation > FRAMING.overhead
    assert np.abs(elevation - FRAMING.overhead).min() >= 10.0
    assert above.mean() == pytest.approx(5 / 50, abs=0.05)
    for part, (low, high) in ((elevation[above], (55, 60)), (elevation[~above], (-10, 35))):
        assert part.min() >= low and part.max() <= high and np.ptp(part) > 0.8 * (high - low)


@pytest.mark.slow
def test_cameras_stay_in_their_ranges():
    framing = Framing((5.0, 20.0), (2.5, 4.0), (30.0, 60.0), 10.0)
    cameras = scenes(number=200, framing=framing).cameras
    for values, (low, high) in zip(cameras[1:4], framing[:3], strict=True):
        assert low <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high
    fixed = scenes(number=20, framing=Framing(distance=(3.0, 3.0), fovy=(50.0, 50.0))).cameras
    assert (fixed.distance == 3).all() and (fixed.fovy == 50).all()


def test_objects_and_colours_are_uniform(many):
    _, counts = np.unique([words.noun for words in many.words], return_counts=True)
    assert len(counts) == 8 and counts.min() > 0.65 * NUMBER / 8
    colours, counts = np.unique([words.colour for words in many.words], return_counts=True)
    assert set(colours.tolist()) == set(COLOURS) and counts.min() > 0.6 * NUMBER / len(COLOURS)


def test_only_objects_with_roofs_have_a_roof_in_words():
    roofed = [obj for obj in OBJECTS if roof(obj) is not None]
    for objects, has in ((roofed, True), (find("a mug"), False)):
        said = [words.roof for words in scenes(number=60, objects=objects).words]
        assert all((word in COLOURS) is has for word in said)


def test_the_words_are_true_of_the_models():
    """The painted colour is in the model, and the roof's."""
    for obj in (*find("a yellow house"), *find("a blue spotted teapot")):
        made = scenes(number=40, objects=[obj], variety=PLAIN)
        for index, words in enumerate(made.words):
            model = one_of(made.models, index)
            assert (words.noun, words.shape) == (obj.noun, shape_words(obj))
            assert distances(model, np.float32(COLOURS[words.colour])).min() < 1e-6
            if words.roof is not None:
                assert distances(model, np.float32(COLOURS[words.roof])).min() < 1e-6


def test_words_are_plain_texts(many):
    """Not NumPy's, which print and compare otherwise."""
    for words in many.words[:50]:
        assert {type(words.noun), type(words.colour), type(words.direction)} == {str}
        assert type(words.roof) in (str, type(None))


@pytest.mark.parametrize("stretch", [0.0, 0.3])
def test_the_stretch_is_within_its_range(stretch):
    (mug,) = find("a red mug")
    made = scenes(number=200, objects=[mug], variety=Variety(stretch, 0.0))
    axes = np.linalg.norm(made.models.vessels.outer.to_local[:, 0], axis=-1)  # 1 / lengths
    factors = (axes.min(0) / axes).reshape(200, -1)
    assert factors.min() >= 1 - stretch - 1e-5 and factors.max() <= 1 + 1e-6
    assert np.ptp(factors) == pytest.approx(stretch, abs=0.05)


def test_the_shade_has_its_deviation():
    (mug,) = find("a red mug")
    made = scenes(number=200, objects=[mug], variety=Variety(0.0, 0.03))
    colours = np.float32([COLOURS[words.colour] for words in made.words])
    shade = made.models.vessels.outer.colour[:, 0] - colours
    inside = np.all((colours > 0.15) & (colours < 0.85), axis=1)  # never clipped
    assert shade[inside].std() == pytest.approx(0.03, rel=0.15)


def same(one, other):
    leaves = zip(jax.tree.leaves(one[:2]), jax.tree.leaves(other[:2]), strict=True)
    return one.words == other.words and all(np.array_equal(a, b) for a, b in leaves)


def test_scenes_depend_on_the_generator_alone():
    assert same(scenes(3, 20), scenes(3, 20))
    assert not same(scenes(3, 20), scenes(4, 20))


@pytest.mark.slow
def test_pictures_are_those_of_their_words():
    """White around a thing that has its colour."""
    (mug,) = find("a red mug")
    made = scenes(1, 6, [mug], LEVEL, PLAIN)
    pictures = take_pictures(made, 16)
    assert pictures.dtype == np.uint8 and pictures.shape == (6, 16, 16, 3)
    np.testing.assert_array_equal(pictures[:, 0, 0], 255)
    for picture, words in zip(pictures, made.words, strict=True):
        albedo = np.float32(COLOURS[words.colour])
        seen = picture[(picture < 200).any(-1)] / 255
        likeness = [np.linalg.norm(seen - light * albedo, axis=-1) for light in (0.5, 0.7, 0.9, 1)]
        assert np.min(likeness, axis=0).min() < 0.15
    np.testing.assert_array_equal(pictures, take_pictures(made, 16))

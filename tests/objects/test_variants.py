"""Other colours and proportions: what changes, what stays, and where the surfaces go."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdjax.objects.model import Object, to_model
from sdjax.objects.placement import GROUND, RADIUS
from sdjax.objects.prompts import all_objects, find
from sdjax.objects.tessellation import surface
from sdjax.objects.variants import (
    COLOURS,
    SHADE,
    body,
    repainted,
    roof,
    shape_words,
    stretched,
    variant,
)
from tests.objects.random_solids import (
    random_polyhedron,
    random_round,
    random_torus,
    random_vessel,
)
from tests.objects.test_intersection import random_rays
from tests.objects.test_visibility import find_first

FOOT = np.float32([0.0, 0.0, GROUND])
OBJECTS = {obj.name: obj for obj in all_objects()}
MAKERS = (random_polyhedron, random_round, random_vessel, random_torus)
FACTORS = st.tuples(*[st.floats(0.5, 1.0)] * 3).map(np.float32)
few = settings(max_examples=8, deadline=None, derandomize=True)


def albedos(model):
    """[solids, 3] of all real solids, and both sides of vessels."""
    colours = [
        model.polyhedra.colour,
        model.rounds.colour,
        model.vessels.outer.colour,
        model.vessels.inner.colour,
        model.tori.colour,
    ]
    counts = model.counts[[0, 1, 2, 2, 3]]
    return np.concatenate([colour[:count] for colour, count in zip(colours, counts, strict=True)])


def distances(model, colour):
    return np.linalg.norm(albedos(model) - colour, axis=1)


def without_colours(model):
    kinds = [part for part in model[:4] if not hasattr(part, "outer")]
    parts = [*kinds, model.vessels.outer, model.vessels.inner]
    return [part._replace(colour=np.zeros(())) for part in parts], model.counts


def assert_same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize("obj", all_objects(), ids=lambda obj: obj.name)
def test_every_object_has_its_body_and_its_roof(obj):
    model = to_model(obj)
    palm = obj.name == "green palm tree"  # two shades, and nothing of the colour itself
    assert distances(model, body(obj)).min() < (0.5 * SHADE if palm else 1e-6)
    if roof(obj) is not None:
        assert distances(model, roof(obj)).min() < 1e-6
        assert np.linalg.norm(body(obj) - roof(obj)) > SHADE


def test_only_houses_have_roofs_and_most_have():
    roofed = [obj for obj in all_objects() if roof(obj) is not None]
    assert {obj.noun for obj in roofed} == {"house"} and len(roofed) == 7


def test_colours_are_those_that_the_objects_have():
    assert set(COLOURS) == {obj.words[0] for obj in all_objects()}
    assert shape_words(OBJECTS["green striped mug"]) == ("striped",)


@pytest.mark.parametrize("obj", all_objects(), ids=lambda obj: obj.name)
def test_a_body_in_a_new_colour_is_seen_in_it(obj):
    """Where the word of an object is not its largest part's colour, the new one still shows."""
    plain = to_model(obj)
    was = distances(plain, body(obj)) < SHADE
    painted = variant(obj, "teal" if obj.words[0] != "teal" else "pink")
    moved = np.abs(albedos(painted) - albedos(plain)).max(1) > 0.05
    assert was.any()
    np.testing.assert_array_equal(moved, was)


@few
@given(
    name=st.sampled_from(sorted(OBJECTS)),
    new=st.tuples(*[st.floats(0.3, 0.7)] * 3).map(np.float32),
)
def test_repainting_moves_near_albedos_by_the_difference_and_no_others(name, new):
    model, old = to_model(OBJECTS[name]), body(OBJECTS[name])
    painted = repainted(model, [(old, new)])
    expected = albedos(model) + np.where(distances(model, old)[:, None] < SHADE, new - old, 0.0)
    np.testing.assert_allclose(albedos(painted), np.clip(expected, 0.0, 1.0), atol=1e-6)
    assert_same(without_colours(painted), without_colours(model))


def test_repainting_with_the_same_colour_is_the_identity():
    model = to_model(OBJECTS["red barn house"])
    assert_same(repainted(model, [(body(OBJECTS["red barn house"]),) * 2]), model)


def test_both_changes_start_from_the_own_colours():
    """Swapping two colours does not paint anything twice."""
    obj = OBJECTS["yellow house"]
    model, old, top = to_model(obj), body(obj), roof(obj)
    swapped = repainted(model, [(old, top), (top, old)])
    own, other = distances(model, old) < 1e-6, distances(model, top) < 1e-6
    np.testing.assert_allclose(albedos(swapped)[own], np.tile(top, (own.sum(), 1)), atol=1e-6)
    np.testing.assert_allclose(albedos(swapped)[other], np.tile(old, (other.sum(), 1)), atol=1e-6)


@few
@given(colour=st.sampled_from(sorted(COLOURS)), top=st.sampled_from(sorted(COLOURS)))
def test_variants_of_houses_have_the_colours_of_their_words(colour, top):
    for obj in find("a house"):
        model = variant(obj, colour, top)
        assert distances(model, np.float32(COLOURS[colour])).min() < 1e-6
        if roof(obj) is not None:
            assert distances(model, np.float32(COLOURS[top])).min() < 1e-6


def test_a_roof_colour_without_a_roof_says_nothing():
    (mug,) = find("a green striped mug")
    assert_same(variant(mug, "blue", "pink"), variant(mug, "blue"))


def test_a_shade_is_added_to_the_colour():
    (mug,) = find("a green striped mug")
    shade = np.float32([0.05, -0.03, 0.02])
    changed = albedos(variant(mug, "purple", shade=shade)) - albedos(variant(mug, "purple"))
    body_rows = distances(to_model(mug), body(mug)) < SHADE
    np.testing.assert_allclose(changed[body_rows], np.tile(shade, (body_rows.sum(), 1)), atol=1e-6)
    np.testing.assert_array_equal(changed[~body_rows], 0.0)


@pytest.mark.parametrize("obj", all_objects(), ids=lambda obj: obj.name)
def test_albedos_stay_colours(obj):
    for colour in COLOURS:
        values = albedos(variant(obj, colour, "white", shade=np.float32([0.3, -0.3, 0.3])))
        assert values.min() >= 0 and values.max() <= 1


def same_depth(one, other):
    """Misses are the same too."""
    missed = np.isinf(one) & np.isinf(other)
    return missed | (np.abs(np.where(missed, 0, one) - np.where(missed, 0, other)) < 3e-3)


def stretched_rays(origin, directions, factors):
    """The same lines after stretching; depths along them stay."""
    moved = FOOT + factors * (origin - FOOT)
    return np.float32(moved), np.float32(factors[:, None] * directions)


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS)
@few
@given(seed=st.integers(0, 2**31), factors=FACTORS)
def test_hits_of_a_stretched_solid_are_the_stretched_hits(make, seed, factors):
    """Depth is in units of the direction, so that it is the same on a line and on its image; a
    normal n becomes n / factors."""
    random = np.random.default_rng(seed)
    model = to_model(Object("thing", (), (make(random),)))
    origin, directions = random_rays(random)
    plain = find_first(model, origin, directions)
    other = find_first(stretched(model, factors), *stretched_rays(origin, directions, factors))
    assert np.sum(~same_depth(plain.depth, other.depth)) <= 4  # grazing rays
    both = np.isfinite(plain.depth) & np.isfinite(other.depth)
    normals = np.asarray(plain.normal)[:, both] / factors[:, None]
    normals /= np.linalg.norm(normals, axis=0)
    agreement = (normals * np.asarray(other.normal)[:, both]).sum(0)
    assert np.sum(agreement < 0.99) <= 5  # at edges


@few
@given(name=st.sampled_from(sorted(OBJECTS)), factors=FACTORS)
def test_hits_of_stretched_objects(name, factors):
    model = to_model(OBJECTS[name])
    origin, directions = random_rays(np.random.default_rng(0))
    plain = find_first(model, origin, directions)
    other = find_first(stretched(model, factors), *stretched_rays(origin, directions, factors))
    assert np.mean(same_depth(plain.depth, other.depth)) > 0.97
    assert np.isfinite(plain.depth).mean() > 0.05


@pytest.mark.parametrize("name", ["green striped mug", "yellow house", "green pickup car"])
def test_stretching_by_ones_is_the_identity(name):
    model = to_model(OBJECTS[name])
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, atol=2e-7),
        stretched(model, np.ones(3, np.float32)),
        model,
    )


@few
@given(name=st.sampled_from(sorted(OBJECTS)), first=FACTORS, second=FACTORS)
def test_stretching_twice_is_stretching_by_the_product(name, first, second):
    model = to_model(OBJECTS[name])
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5),
        stretched(stretched(model, first), second),
        stretched(model, first * second),
    )


def surface_points(model):
    """Of the real solids."""
    kinds = zip(model[:4], model.counts, strict=True)
    solids = [
        jax.tree.map(lambda leaf: leaf[i], kind)  # noqa: B023
        for kind, count in kinds
        for i in range(count)
    ]
    patches = [patch for solid in solids for patch in surface(solid)]
    return np.concatenate([patch.triangles.reshape(-1, 3) for patch in patches])


@few
@given(
    name=st.sampled_from(sorted(OBJECTS)),
    factors=st.tuples(*[st.floats(0.1, 1.0)] * 3).map(np.float32),
)
def test_a_smaller_object_stands_on_the_ground_within_its_ball(name, factors):
    points = surface_points(variant(OBJECTS[name], "red", factors=factors))
    assert np.linalg.norm(points, axis=1).max() < RADIUS + 1e-3
    np.testing.assert_allclose(points[:, 2].min(), GROUND, atol=1e-3)


def test_sizes_are_multiplied_by_the_factors():
    factors = np.float32([0.9, 0.7, 0.8])
    before = np.ptp(surface_points(to_model(OBJECTS["yellow house"])), axis=0)
    after = np.ptp(surface_points(variant(OBJECTS["yellow house"], "red", factors=factors)), axis=0)
    np.testing.assert_allclose(after, factors * before, rtol=1e-3)


@pytest.mark.slow
def test_a_variant_leaves_the_object_as_it_is():
    obj = OBJECTS["blue tall house"]
    before = jax.tree.map(jnp.array, to_model(obj))
    variant(obj, "pink", "teal", np.float32([0.5, 0.5, 0.5]), 0.1)
    assert_same(variant(obj, obj.words[0]).counts, before.counts)
    assert_same(to_model(obj), before)

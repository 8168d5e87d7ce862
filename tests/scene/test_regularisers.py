"""Each regulariser is lowest where it should be, and has finite gradients; what it asks of a
rendering, and how a configuration asks for it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera, rays
from sdjax.config.errors import UserError
from sdjax.config.tables import complete
from sdjax.runs import build
from sdjax.runs.schema import load_config
from sdjax.runs.stages import stages
from sdjax.scene import regularisers
from sdjax.scene.fields.dense_grid import DenseGrid
from sdjax.scene.losses import LOSSES
from sdjax.scene.nerf import NeRF
from sdjax.scene.reference_losses import REFERENCE_LOSSES
from sdjax.scene.regularisers import REGULARISERS
from sdjax.scene.rendering import Rendering, Samples
from tests import tiny

SIZE = 16
CAMERA = Camera(*(jnp.float32(value) for value in (40, 25, 3.2, 40)))
_, DIRECTIONS = rays(CAMERA, SIZE, SIZE)
SHAPE = (SIZE, SIZE)


def rendering(weights=None, distances=None, normals=None, perturbed=None):
    """Three samples a ray; by default all weight on the second."""
    weights = jnp.array([0.0, 1, 0]) if weights is None else jnp.asarray(weights)
    weights = jnp.broadcast_to(weights, (*SHAPE, 3))
    distances = jnp.array([2.0, 3, 4]) if distances is None else distances
    if normals is None:
        normals = -DIRECTIONS[..., None, :]
    normals = jnp.broadcast_to(normals, (*SHAPE, 3, 3))
    return Rendering(
        colour=jnp.ones((*SHAPE, 3)),
        opacity=jnp.sum(weights, axis=-1, keepdims=True),
        depth=jnp.ones((*SHAPE, 1)),
        normal=jnp.sum(weights[..., None] * normals, axis=-2),
        samples=Samples(
            directions=DIRECTIONS,
            distances=jnp.broadcast_to(distances, (*SHAPE, 3)),
            deltas=jnp.ones((*SHAPE, 3)),
            weights=weights,
            normals=normals,
            perturbed_normals=normals if perturbed is None else perturbed,
        ),
    )


def bulge(sign):
    """Normals of a ball (+1) or a bowl (-1) in front of the camera."""
    right, up = DIRECTIONS[0, -1] - DIRECTIONS[0, 0], DIRECTIONS[0, 0] - DIRECTIONS[-1, 0]
    right, up = right / jnp.linalg.norm(right), up / jnp.linalg.norm(up)
    slope = jnp.linspace(-0.7, 0.7, SIZE)
    towards = jnp.cross(right, up)
    normals = (
        sign * slope[None, :, None] * right[None, None]
        - sign * slope[:, None, None] * up[None, None]
        + towards[None, None]
    )
    return (normals / jnp.linalg.norm(normals, axis=-1, keepdims=True))[..., None, :]


@pytest.mark.slow
def test_orientation_counts_only_normals_that_face_away():
    assert regularisers.orientation(rendering()) == 0
    away = regularisers.orientation(rendering(normals=DIRECTIONS[..., None, :]))
    np.testing.assert_allclose(away, 1, rtol=1e-5)
    hidden = rendering(weights=[0.0, 0, 0], normals=DIRECTIONS[..., None, :])
    assert regularisers.orientation(hidden) == 0


def test_sparsity_and_opaque():
    empty, half, full = (rendering([0.0, value, 0]) for value in (0.0, 0.5, 1.0))
    values = [float(regularisers.sparsity(r)) for r in (empty, half, full)]
    # a float32 sum of 256 numbers one after the other is off by up to 256 / 2^24
    close = partial(np.testing.assert_allclose, rtol=1.5e-5)
    close(values, [0.1, np.sqrt(0.26), np.sqrt(1.01)])
    close(regularisers.opaque(half), np.log(2))
    assert regularisers.opaque(empty) < 0.01 and regularisers.opaque(full) < 0.01


def test_z_variance_is_the_variance_of_the_depth():
    assert regularisers.z_variance(rendering()) == 0
    np.testing.assert_allclose(regularisers.z_variance(rendering([0.4, 0, 0.4])), 1, rtol=1e-6)
    assert regularisers.z_variance(rendering([0.2, 0, 0.2])) == 0  # too faint to have a depth


@pytest.mark.slow
def test_convexity_prefers_a_ball_to_a_plane_to_a_bowl():
    ball, bowl = (regularisers.convexity(rendering(normals=bulge(s))) for s in (1, -1))
    plane = regularisers.convexity(rendering(normals=jnp.array([0.0, 0, 1])))
    assert ball < -0.05
    np.testing.assert_allclose(plane, 0, atol=1e-6)
    np.testing.assert_allclose(bowl, -ball, rtol=1e-4)


def test_convexity_rewards_both_directions_of_bending():
    flat = bulge(1)
    across = regularisers.convexity(rendering(normals=flat[SIZE // 2][None]))
    down = regularisers.convexity(rendering(normals=flat[:, SIZE // 2][:, None]))
    assert across < -0.02 and down < -0.02


def test_convexity_refuses_other_sizes():
    with pytest.raises(ValueError, match="multiples"):
        regularisers.convexity(rendering(), resolution=5)


def test_normal_smoothness_is_zero_only_for_a_plane():
    plane = rendering(normals=jnp.array([0.0, 0, 1]))
    assert regularisers.normal_smoothness(plane) == 0
    assert regularisers.normal_smoothness(rendering(normals=bulge(1))) > 1e-4
    assert regularisers.normal_smoothness_3d(plane) < 1e-5
    turned = rendering(perturbed=jnp.zeros((*SHAPE, 3, 3)))
    np.testing.assert_allclose(regularisers.normal_smoothness_3d(turned), 1, rtol=1e-4)


@pytest.mark.parametrize(
    "name", ["orientation", "convexity", "normal_smoothness", "normal_smoothness_3d"]
)
def test_missing_normals_are_named(name):
    bare = rendering()._replace(normal=None, samples=rendering().samples._replace(normals=None))
    with pytest.raises(ValueError, match="normals=True"):
        getattr(regularisers, name)(bare)


@pytest.mark.slow
@pytest.mark.parametrize("weights", [[0.0, 0, 0], [0.3, 0.3, 0.4], [1.0, 0, 0]])
def test_gradients_are_finite(weights):
    def total(weights, normals):
        out = rendering(weights, normals=normals)
        return (
            regularisers.orientation(out)
            + regularisers.sparsity(out)
            + regularisers.opaque(out)
            + regularisers.z_variance(out)
            + regularisers.convexity(out)
            + regularisers.normal_smoothness(out)
            + regularisers.normal_smoothness_3d(out)
        )

    gradients = jax.jit(jax.grad(total, (0, 1)))(jnp.array(weights), bulge(1))
    assert all(jnp.all(jnp.isfinite(gradient)) for gradient in gradients)


every_regulariser = pytest.mark.parametrize("name", REGULARISERS)


def test_the_list_has_every_regulariser_and_a_weight_for_each():
    """All 0 by default but the rule's own."""
    public = {name for name, value in vars(regularisers).items() if callable(value)}
    returning = {n for n in public if vars(regularisers)[n].__annotations__.get("rendering")}
    assert REGULARISERS.keys() == returning
    assert all(REGULARISERS[name].penalty is getattr(regularisers, name) for name in REGULARISERS)
    assert complete({}, LOSSES) == {"guidance": 1.0} | dict.fromkeys(
        [*REGULARISERS, *REFERENCE_LOSSES], 0.0
    )


def render(normals, perturbed):
    """A picture of training, with normals and those of displaced points if asked for."""
    nerf = NeRF(
        field=DenseGrid(resolution=6),
        samples=4,
        proposals=4,
        normals=normals,
        perturbation=0.01 if perturbed else None,
    )
    params = nerf.init(jax.random.key(0))
    return jax.jit(lambda key: nerf.render(params, CAMERA, key, 8, 8))(jax.random.key(1))


@pytest.mark.slow
@every_regulariser
def test_it_needs_of_a_rendering_what_it_says(name):
    """With that it is finite, and without that refuses."""
    entry = REGULARISERS[name]
    needed = entry.needs_normals, entry.needs_perturbed_normals
    assert np.isfinite(entry.penalty(render(*needed)))
    assert entry.needs_normals >= entry.needs_perturbed_normals
    for less in {(False, False), (needed[0], False)} - {needed}:
        with pytest.raises(UserError, match="render with"):
            entry.penalty(render(*less))


@every_regulariser
def test_it_takes_the_sizes_that_it_says(name):
    """Convexity blocks of 8; the others any."""
    entry, odd = REGULARISERS[name], jax.tree.map(lambda leaf: leaf[:12, :12], rendering())
    assert entry.divides == (8 if name == "convexity" else 1)
    if entry.divides == 1:
        assert np.isfinite(entry.penalty(odd))
    else:
        with pytest.raises(UserError, match="multiples"):
            entry.penalty(odd)


def recipe_of(**losses):
    """The first stage of a small configuration with these weights."""
    overrides = {"stages": {"steps": (10,), "resolution": (8,), "grid": (6,)}, "losses": losses}
    scene = {"scene.samples": 4, "scene.proposals": 4, "scene.perturbation": 0.2}
    config = load_config("demo", overrides | scene)
    return build.make_recipe(config, tiny.PRIOR, stages(config)[0])


@pytest.mark.slow
def test_displaced_normals_are_reached_from_a_configuration():
    """Its weight, its points and its penalty."""
    recipe = recipe_of(normal_smoothness_3d=(0, 0.0, 4.0, 10))
    ((name, weight, penalty),) = recipe.losses
    assert (name, penalty) == ("normal_smoothness_3d", regularisers.normal_smoothness_3d)
    assert float(weight(jnp.float32(0.5))) == 2.0
    assert recipe.scene.normals and recipe.scene.perturbation == 0.2

    @jax.jit
    def penalised(key):
        params = recipe.scene.init(jax.random.key(0))
        out = recipe.scene.render(params, CAMERA, key, 8, 8)
        same = out.samples._replace(perturbed_normals=out.samples.normals)
        return penalty(out), penalty(out._replace(samples=same))

    displaced, same = penalised(jax.random.key(1))
    assert displaced > 0.01 and same < 1e-5


def test_points_are_displaced_for_that_loss_alone():
    for losses in ({"sparsity": 1.0}, {"orientation": 1.0, "normal_smoothness": 1.0}):
        assert recipe_of(**losses).scene.perturbation is None

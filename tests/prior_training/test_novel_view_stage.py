"""The loss of Zero-1-to-3: what its network reads is what the prior gives it at sampling."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.camera_numbers import zero123_pose
from sdjax.cameras import Camera
from sdjax.diffusion.schedule import scaled_linear
from sdjax.networks.projection import Projection, ProjectionConfig
from sdjax.prior_training.diffusion_stage import Denoiser
from sdjax.prior_training.novel_view_model import write_view_model
from sdjax.prior_training.novel_view_pairs import Shown
from sdjax.prior_training.novel_view_samples import conditioned, draw_trials
from sdjax.prior_training.novel_view_stage import encoded_views, novel_view_loss, poses
from sdjax.prior_training.novel_view_trials import Trials
from sdjax.prior_training.views_of_objects import Views
from sdjax.priors import zero123
from sdjax.priors.parts import Precision
from sdjax.priors.reference import Reference
from sdjax.runs.sampling import Sampling, sample_seeds
from tests.prior_training import small
from tests.prior_training.small_view import stirred, view_model

SCHEDULE = scaled_linear()
ROWS = 8
JOIN = Projection(ProjectionConfig(2 + 4, 5))


def uniform(seed, *shape):
    return jax.random.uniform(jax.random.key(seed), shape, minval=0.5)


PARAMS = {"unet": {}, "cc_projection": {"kernel": uniform(0, 6, 5), "bias": uniform(1, 5)}}
BATCH = (
    uniform(2, ROWS, 4, 4, 3),
    uniform(3, ROWS, 4, 4, 3),
    uniform(4, ROWS, 2),
    jnp.tile(jnp.asarray([[50.0, 30.0, 3.0, 40.0]]), (ROWS, 1)) + jnp.arange(ROWS)[:, None],
    jnp.tile(jnp.asarray([[10.0, 5.0, 3.5, 40.0]]), (ROWS, 1)),
)


class Watching:
    """Predicts nothing, and keeps what it was given."""

    def __init__(self):
        self.seen = []

    def apply(self, variables, noisy, t, context):
        self.seen.append((noisy, t, context))
        return jnp.zeros_like(noisy[..., :3])


def seen(empty, key=0):
    network = Watching()
    denoiser = Denoiser(network, None, SCHEDULE, "epsilon")
    novel_view_loss(denoiser, JOIN, empty, PARAMS, *BATCH, jax.random.key(key))
    return network.seen[0]


@pytest.mark.slow
def test_the_network_reads_the_picture_beside_noisy_latents():
    noisy, t, context = seen(0.0)
    target, picture, embedding, target_camera, picture_camera = BATCH
    np.testing.assert_array_equal(noisy[..., 3:], picture)
    alpha = SCHEDULE.alpha(t)[:, None, None, None]
    rest = noisy[..., :3] - alpha * target
    assert np.std(rest / SCHEDULE.sigma(t)[:, None, None, None]) == pytest.approx(1, abs=0.15)
    both = jnp.concatenate([embedding, poses(target_camera, picture_camera)], -1)
    kernel, bias = PARAMS["cc_projection"]["kernel"], PARAMS["cc_projection"]["bias"]
    np.testing.assert_allclose(context[:, 0], both @ kernel + bias[None], rtol=1e-5)
    assert context.shape == (ROWS, 1, 5)


def test_every_row_has_its_own_pose():
    """That of its target's camera beside its picture's."""
    target, picture = BATCH[3:]
    found = poses(target, picture)
    for row in (0, 5):
        own, other = (Camera(*one[row : row + 1].T) for one in (target, picture))
        np.testing.assert_allclose(found[row], zero123_pose(own, other)[0], rtol=1e-6)
    assert len(np.unique(np.asarray(found[:, 1]))) == ROWS


@pytest.mark.slow
def test_where_the_picture_is_left_out_both_are_zero():
    """Context after the projection and latents together, as the unconditional branch has them."""
    noisy, _, context = seen(1.0)
    assert not np.any(noisy[..., 3:]) and not np.any(context)
    left = []
    for key in range(60):
        noisy, _, context = seen(0.25, key)
        without = ~np.any(np.asarray(noisy[..., 3:]), (1, 2, 3))
        np.testing.assert_array_equal(without, ~np.any(np.asarray(context), (1, 2)))
        left.append(without.mean())
    assert np.mean(left) == pytest.approx(0.25, abs=0.08)  # four deviations of 480 rows


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return stirred(view_model(tmp_path_factory.mktemp("start")))


def column(*values):
    return jnp.asarray(values, jnp.float32)


@pytest.mark.long
def test_training_sees_a_picture_as_the_prior_does(model, tmp_path):
    """Latents, embedding, and so the samples of a seed, of the folder that is written."""
    pictures = np.asarray(small.pictures(2))
    camera = Camera(column(10, 50), column(5, 8), column(3, 3), column(40, 40))
    views = Views(pictures, camera, np.int32([0, 0]), ["", ""])
    both = encoded_views(model, Shown(views, np.array([True, True])))
    cameras = jax.tree.map(lambda leaf: jnp.stack([leaf + 70, leaf + 70]), camera)
    cameras = cameras._replace(elevation=cameras.elevation * 0 + 20, distance=cameras.distance - 70)
    trials = Trials(
        ["a", "b"], pictures, camera, pictures[:, None], cameras, np.zeros((2, 2), bool), []
    )
    found = conditioned(model, trials)
    np.testing.assert_allclose(found.latents, both.latents, atol=1e-5)
    np.testing.assert_allclose(found.embedding, both.embeddings, atol=1e-5)
    write_view_model(model, tmp_path / "model", "float32")
    image = jnp.float32(pictures[1]) / 255
    own = jax.tree.map(lambda leaf: leaf[1:], camera)
    reference = Reference(image, jnp.ones((*image.shape[:2], 1)), own)
    prior = zero123.load(
        tmp_path / "model", lambda size: reference, precision=Precision(jnp.float32, jnp.float32)
    )
    np.testing.assert_allclose(prior.conditioning.embedding, both.embeddings[1], atol=1e-4)
    np.testing.assert_allclose(prior.conditioning.latents, both.latents[1], atol=1e-4)
    sampling, seeds = Sampling(2.0, 3), jnp.arange(2)
    drawn = draw_trials(model, trials, 2, sampling)
    targets = jax.tree.map(lambda leaf: leaf[1], cameras)
    expected = sample_seeds(prior, prior.condition(""), targets, seeds, small.SIZE, sampling)
    np.testing.assert_allclose(drawn[1], expected, atol=1e-3)
    assert np.abs(drawn[0] - drawn[1]).max() > 0.01


@pytest.mark.long
def test_both_learn(model):
    """UNet and projection, the picture's channels of the first too."""
    denoiser = Denoiser(model.networks.unet, None, SCHEDULE, "epsilon")
    start = {name: model.params[name] for name in ("unet", "cc_projection")}
    wide = model.networks.projection.config.inputs - 4
    batch = (*BATCH[:2], uniform(9, ROWS, wide), *BATCH[3:])
    loss = partial(novel_view_loss, denoiser, model.networks.projection, 0.1)

    def value(params):
        return loss(params, *batch, jax.random.key(0))[0]

    gradient = jax.jit(jax.grad(value))(start)
    assert float(jnp.abs(gradient["cc_projection"]["kernel"]).min(1).max()) > 0
    assert float(jnp.abs(gradient["cc_projection"]["kernel"][-4:-1]).max()) > 0
    assert float(jnp.abs(gradient["unet"]["conv_in"]["kernel"][:, :, 3:]).max()) > 0

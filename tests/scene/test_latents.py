"""The particle of latents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.scene.image import Image
from sdjax.scene.latents import Latents
from sdjax.scene.nerf import NeRF

LATENTS = Latents(8, 12, channels=4, spread=0.5)
CAMERA = Camera(*jnp.zeros(4))
PARAMS = LATENTS.init(jax.random.key(0))


def test_they_are_the_rendering():
    out = LATENTS.render(PARAMS, CAMERA, jax.random.key(1), 8, 12, progress=0.5)
    np.testing.assert_array_equal(out.colour, PARAMS["latents"])
    assert out.colour.shape == (8, 12, 4) and out.depth.shape == (8, 12, 1)
    assert jnp.all(out.opacity == 1)


def test_they_start_as_noise_of_their_spread():
    values = Latents(64, 64, spread=0.5).init(jax.random.key(0))["latents"]
    np.testing.assert_allclose([jnp.mean(values), jnp.std(values)], [0, 0.5], atol=0.01)


@pytest.mark.parametrize("size", [(4, 6), (12, 8), (64, 96)])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="8 x 12; ask for their own size"):
        LATENTS.render(PARAMS, CAMERA, None, *size)


def test_only_they_need_no_encoder():
    assert [scene.in_latent_space for scene in (LATENTS, Image(), NeRF())] == [True, False, False]

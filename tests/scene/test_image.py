"""The image particle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.cameras import Camera
from sdjax.scene.image import Image

IMAGE = Image(8, 12)
CAMERA = Camera(*jnp.zeros(4))
PARAMS = IMAGE.init(jax.random.key(0))


def test_its_pixels_are_the_rendering():
    out = IMAGE.render(PARAMS, CAMERA, None, 8, 12)
    np.testing.assert_array_equal(out.colour, PARAMS["image"])
    assert jnp.all(out.opacity == 1) and out.depth.shape == (8, 12, 1)


def test_smaller_renderings_are_averages():
    out = IMAGE.render(PARAMS, CAMERA, None, 4, 4)
    np.testing.assert_allclose(
        out.colour[1, 2], jnp.mean(PARAMS["image"][2:4, 6:9], axis=(0, 1)), rtol=1e-6
    )


@pytest.mark.parametrize("size", [(3, 12), (16, 24)])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="divide"):
        IMAGE.render(PARAMS, CAMERA, None, *size)

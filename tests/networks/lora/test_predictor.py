import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.guided import Branches
from sdjax.networks.lora.predictor import AdaptedPredictor

LATENTS = jax.random.normal(jax.random.key(0), (2, 4, 4, 4))
CONTEXT = jax.random.normal(jax.random.key(1), (2, 5, 12))
CAMERAS = jax.random.normal(jax.random.key(2), (2, 16))


@pytest.mark.slow
def test_a_predictor_asks_for_several_cameras_in_one_evaluation():
    calls = []

    def network(params, x, t, embedding, camera):
        calls.append(x.shape)
        pixels = params * x + jnp.mean(embedding, (1, 2)).reshape(-1, 1, 1, 1)
        return (pixels + jnp.mean(camera, 1).reshape(-1, 1, 1, 1)).astype(jnp.bfloat16)

    frozen = (lambda x, t, embedding: x), Branches(CONTEXT, CONTEXT)
    predictor = AdaptedPredictor(*frozen, network, CONTEXT)
    np.testing.assert_array_equal(predictor(LATENTS, 3, 7.5), LATENTS)
    found = predictor.adapted(jnp.float32(2.0), LATENTS, jnp.asarray(3), [CAMERAS, 0.0 * CAMERAS])
    assert calls == [(4, 4, 4, 4)]
    for ours, camera in zip(found, (CAMERAS, 0.0 * CAMERAS), strict=True):
        assert ours.dtype == LATENTS.dtype
        expected = network(2.0, LATENTS, 3, CONTEXT, camera)
        np.testing.assert_array_equal(ours, expected.astype(jnp.float32))

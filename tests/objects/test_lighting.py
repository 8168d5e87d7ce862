"""Light that leaves colours what they are."""

import numpy as np

from sdjax.objects.lighting import shade


def test_light_is_linear_in_albedo_and_never_clips_it():
    random = np.random.default_rng(0)
    normal = random.normal(size=(3, 50)).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=0)
    height = random.uniform(-0.5, 0.9, 50).astype(np.float32)
    dim, bright = (shade(np.full((3, 50), a, np.float32), normal, height) for a in (0.3, 0.6))
    np.testing.assert_allclose(bright, 2 * dim, rtol=1e-5)
    assert dim.min() > 0.05

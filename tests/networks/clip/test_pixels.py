"""Zero-1-to-3's way from a picture to CLIP's pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.networks.clip.pixels import MEAN, SIZE, STD, clip_pixels
from tests import reference

FILE = np.load(reference.FOLDER / "multiview" / "zero123" / "nets.npz")
CASES = sorted({key.split("/")[0] for key in FILE.files if key.startswith("clip_preprocess_")})
embed = jax.jit(clip_pixels)


def pixels(case, dtype):
    image = FILE[f"{case}/image_u8"].astype(np.float64) / 127.5 - 1.0
    return np.asarray(embed(jnp.asarray(image[None], dtype)), np.float64)


def assert_recorded(case, dtype, tolerance):
    found = pixels(case, dtype)
    stride = int(FILE[f"{case}/stride"])
    recorded = reference.channels_last(FILE[f"{case}/out"])
    shown = found[:, ::stride, ::stride]
    assert np.abs(shown - recorded).max() <= tolerance * np.abs(recorded).max()
    for name, values in (
        ("out_mean", found.mean((0, 1, 2))),
        ("out_std", found.std((0, 1, 2), ddof=1)),
    ):
        np.testing.assert_allclose(values, FILE[f"{case}/{name}"], atol=2e-5)


@pytest.mark.parametrize("case", CASES)
def test_recorded(case):
    assert_recorded(case, jnp.float32, 2e-5)


@pytest.mark.parametrize("case", CASES)
def test_recorded_in_double_precision(x64, case):
    """What is left is the recording's own single precision."""
    assert_recorded(case, jnp.float64, 2e-5)


def test_at_its_own_size_a_picture_is_only_scaled():
    image = jax.random.uniform(jax.random.key(0), (1, SIZE, SIZE, 3), minval=-1)
    expected = (0.5 * (np.asarray(image, np.float64) + 1) - MEAN) / STD
    np.testing.assert_allclose(embed(image), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(30, 50), (300, 224), (2, 3)])
def test_corners_are_aligned_and_even_colours_stay(shape):
    image = jax.random.uniform(jax.random.key(1), (2, *shape, 3), minval=-1)
    found = np.asarray(embed(image))
    assert found.shape == (2, SIZE, SIZE, 3)
    expected = (0.5 * (np.asarray(image, np.float64) + 1) - MEAN) / STD
    np.testing.assert_allclose(
        found[:, [0, 0, -1, -1], [0, -1, 0, -1]],
        expected[:, [0, 0, -1, -1], [0, -1, 0, -1]],
        atol=1e-5,
    )
    grey = np.asarray(embed(jnp.full((1, *shape, 3), 0.25)))
    np.testing.assert_allclose(
        grey, np.broadcast_to((0.625 - np.array(MEAN)) / STD, grey.shape), atol=1e-5
    )


@pytest.mark.parametrize("size", [1, 24])
def test_an_encoder_may_have_another_size(size):
    """At it a picture is only scaled; from another size, corners are aligned."""
    image = jax.random.uniform(jax.random.key(2), (1, size, size, 3), minval=-1)
    expected = (0.5 * (np.asarray(image, np.float64) + 1) - MEAN) / STD
    np.testing.assert_allclose(clip_pixels(image, size), expected, atol=1e-5)
    smaller = clip_pixels(image, 8)
    assert smaller.shape == (1, 8, 8, 3)
    np.testing.assert_allclose(smaller[:, 0, 0], expected[:, 0, 0], atol=1e-5)

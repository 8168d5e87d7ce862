"""The recorded numbers of the official code, as the clone's tests have them.

Their rules ran on a toy in closed form, `toy_prediction`, in place of a network.
"""

from collections.abc import Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.schedule import NoiseSchedule

Arrays = Mapping[str, np.ndarray]


def recordings_folder(given: str) -> Path | None:
    """The folder from the current one on, else in the clone that holds this package, or None."""
    places = (Path(given).expanduser(), Path(__file__).parents[2] / given)
    return next((place for place in places if place.is_dir()), None)


def recorded(folder: Path, file: str, case: str) -> dict[str, np.ndarray]:
    """The arrays of one case of a file, by name."""
    with np.load(folder / f"{file}.npz") as content:
        start = f"{case}/"
        return {
            name.removeprefix(start): content[name]
            for name in content.files
            if name.startswith(start)
        }


def channels_last(array: np.ndarray | jax.Array) -> np.ndarray | jax.Array:
    """[..., channels, height, width] to [..., height, width, channels]."""
    return np.moveaxis(array, -3, -1)


def first_sample(arrays: Arrays) -> dict[str, np.ndarray]:
    """A recorded batch as that of its first sample; what all share stays."""
    batch = len(arrays["latents"])
    return {
        name: array[:1] if array.ndim and len(array) == batch else array
        for name, array in arrays.items()
    }


def latents(arrays: Arrays, name: str) -> jax.Array:
    """The array of that name, float32 and channels last."""
    return jnp.asarray(channels_last(arrays[name]), jnp.float32)


def schedule_of(folder: Path, file: str = "ddim") -> NoiseSchedule:
    """The recorded schedule, bit for bit, which ends at its own first level."""
    table = jnp.asarray(recorded(folder, file, "schedule")["alphas_cumprod"], jnp.float32)
    return NoiseSchedule(table, table[0])


def toy_prediction(x: ArrayLike, t: ArrayLike, embedding: ArrayLike) -> jax.Array:
    """P(x, t, c) of the recordings; depends on c through its mean and mean square."""
    axes = tuple(range(1, embedding.ndim))
    rows = (-1,) + (1,) * (x.ndim - 1)
    m, q = jnp.mean(embedding, axes).reshape(rows), jnp.mean(embedding**2, axes).reshape(rows)
    t = jnp.asarray(t, x.dtype)
    t = t.reshape(rows) if t.ndim else t
    return (
        0.7 * x * jnp.cos(t / 300.0)
        + 0.3 * jnp.sin(2.0 * x + t / 200.0)
        + 0.1 * m
        + 0.2 * m * jnp.cos(x)
        + 0.2 * q * jnp.sin(x)
    )


def branches_of(arrays: Arrays) -> Branches:
    """The embeddings of a recorded prompt: guided, with negatives of Perp-Neg, with a null."""
    embedding = {k: jnp.asarray(v, jnp.float32) for k, v in arrays.items() if k.startswith("emb_")}
    negatives, weights = (), ()
    if "emb_neg" in arrays:
        negatives = tuple(jnp.moveaxis(embedding["emb_neg"], 1, 0))
        weights = tuple(jnp.asarray(arrays["neg_weights"], jnp.float32).T)
    null = embedding.get("emb_null")
    return Branches(embedding["emb_text"], embedding["emb_uncond"], negatives, weights, null)


def toy_predictor(arrays: Arrays) -> NetworkPredictor:
    """The toy on the embeddings of a recorded prompt."""
    return NetworkPredictor(toy_prediction, branches_of(arrays))


def our_scale(arrays: Arrays, name: str = "guidance_scale") -> float:
    """The recorded scale s in our convention: without Perp-Neg, cond + s (cond - uncond) is our
    s + 1."""
    return float(arrays[name]) + ("emb_neg" not in arrays)

"""The recorded numbers of the official implementations, and the toy predictor behind them.

The folder is `SDJAX_REFERENCE_DIR` where that is set, else `tests/data/reference`.
"""

import functools
import os
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sdjax.benchmarks.parity_recordings import channels_last as channels_last  # for the tests
from sdjax.benchmarks.parity_recordings import toy_prediction
from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.diffusion.prediction import to_epsilon
from sdjax.diffusion.schedule import NoiseSchedule

FOLDER = Path(
    os.environ.get("SDJAX_REFERENCE_DIR", str(Path(__file__).parent / "data" / "reference"))
)


def load(name: str) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of one file, as {case: {array: value}}."""
    cases: dict[str, dict[str, np.ndarray]] = {}
    with np.load(FOLDER / f"{name}.npz") as file:
        for key in file.files:
            case, array = key.rsplit("/", 1)
            cases.setdefault(case, {})[array] = file[key]
    return cases


@functools.cache
def recorded_table() -> np.ndarray:
    """alphas_cumprod, float32 [1000]."""
    with np.load(FOLDER / "ddim.npz") as file:
        return file["schedule/alphas_cumprod"]


def table_schedule(*, set_alpha_to_one: bool = False) -> NoiseSchedule:
    """The recorded schedule, bit for bit (the official runs keep it in float32)."""
    table = recorded_table()
    final = 1.0 if set_alpha_to_one else table[0]
    return NoiseSchedule(jnp.asarray(table), jnp.asarray(final, jnp.float32))


def toy_encode(image, vae_noise):
    """The latents of an image in [0, 1], given the draw of the posterior."""
    pixels = 2.0 * image - 1.0
    mean = jnp.concatenate([0.8 * pixels, 0.3 * jnp.sum(pixels, -1, keepdims=True)], axis=-1)
    return 0.18215 * (mean + jnp.exp(-2.0) * vae_noise)


def toy_decode(latents):
    """The image in [0, 1] of the recordings: channel k is 0.5 z_k - 0.1 z_3, in [-1, 1]."""
    z = latents / 0.18215
    return jnp.clip(0.5 * (0.5 * z[..., :3] - 0.1 * z[..., 3:]) + 0.5, 0.0, 1.0)


class Case(NamedTuple):
    """One sample of a recorded case, ready for a residual of ours (leading axis: one view)."""

    arrays: dict[str, np.ndarray]
    predictor: NetworkPredictor
    schedule: NoiseSchedule

    def latents(self, name: str, dtype) -> jax.Array:
        """The named array, channels last."""
        return jnp.moveaxis(jnp.asarray(self.arrays[name], dtype), -3, -1)


def our_scale(arrays: dict[str, np.ndarray], name: str = "guidance_scale") -> float:
    """The recorded scale s in our convention: without Perp-Neg, cond + s (cond - uncond) is our
    s + 1."""
    return float(arrays[name]) + ("emb_neg" not in arrays)


def unstacked(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Embeddings and weights of the stable-dreamfusion family under the names of the others.

    Recorded as [uncond, positive, negatives] times B; weights of at most 1e-4 count as none.
    """
    batch = arrays["latents"].shape[0]
    uncond, text, *negatives = np.split(arrays["emb_all"], len(arrays["emb_all"]) // batch)
    named = {**arrays, "emb_text": text, "emb_uncond": uncond}
    if negatives:
        weights = arrays["prompt_weights"].reshape(-1, batch).T[:, 1:]
        named["emb_neg"] = np.stack(negatives, axis=1)
        named["neg_weights"] = np.where(np.abs(weights) > 1e-4, weights, 0.0)
    return {name: value for name, value in named.items() if name not in ("emb_all", "sds_weight")}


def samples(arrays: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """A recorded batch of B as B batches of one; scalars are shared."""
    batch = arrays["latents"].shape[0]

    def part(value, i):
        return value[i : i + 1] if value.ndim and value.shape[0] == batch else value

    return [{k: part(v, i) for k, v in arrays.items()} for i in range(batch)]


def case(arrays: dict[str, np.ndarray], dtype, *, prediction_type="epsilon") -> Case:
    """The predictor that a recorded sample was made with, in `dtype`."""
    schedule = table_schedule()

    def predict_noise(x, t, embedding):
        return to_epsilon(schedule, prediction_type, toy_prediction(x, t, embedding), x, t)

    embedding = {k: jnp.asarray(v, dtype) for k, v in arrays.items() if k.startswith("emb_")}
    negatives, weights = (), ()
    if "emb_neg" in arrays:
        negatives = tuple(jnp.moveaxis(embedding["emb_neg"], 1, 0))
        weights = tuple(jnp.asarray(arrays["neg_weights"], dtype).T)
    branches = Branches(
        embedding["emb_text"],
        embedding["emb_uncond"],
        negatives,
        weights,
        embedding.get("emb_null"),
    )
    predictor = NetworkPredictor(predict_noise, branches)
    return Case(arrays, predictor, schedule)


def assert_matches(actual, recorded: np.ndarray, tolerance: float = 1e-4) -> None:
    """|actual - recorded| <= tolerance max(1, |recorded|), entry by entry."""
    actual, recorded = np.asarray(actual, np.float64), np.asarray(recorded, np.float64)
    assert actual.shape == recorded.shape
    excess = np.abs(actual - recorded) / np.maximum(1.0, np.abs(recorded))
    assert excess.max() <= tolerance, f"off by {excess.max():.2e}, tolerance {tolerance:.0e}"

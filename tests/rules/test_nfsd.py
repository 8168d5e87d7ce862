"""NFSD has no official numbers: its formula evaluated by hand, and its limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.guided import perpendicular
from sdjax.rules.csd import Scales, csd_residual
from sdjax.rules.nfsd import nfsd_residual
from sdjax.rules.sds import sds_residual
from sdjax.rules.weighting import constant
from tests import reference
from tests.reference import assert_matches, toy_prediction

CSD = reference.load("csd")  # NFSD has the same inputs
EARLY, LATE = "annealed_perpneg_early_step2500_s0", "annealed_perpneg_late_step2500_s0"
WITHOUT = {"negatives": ("emb_neg", "neg_weights"), "null": ("emb_null",)}


def given(name: str, *without: str):
    """The arguments of a residual in float64, and the recorded arrays, less some branches."""
    left_out = [array for branch in without for array in WITHOUT[branch]]
    arrays = {k: v for k, v in CSD[name].items() if k not in left_out}
    case = reference.case(arrays, jnp.float64)
    schedule = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), case.schedule)
    latents, noise = (case.latents(n, jnp.float64) for n in ("latents", "noise"))
    t = jnp.asarray(arrays["t"][0])
    return (schedule, case.predictor, latents, t, noise), arrays


def by_hand(arrays, threshold: float, scale: float) -> np.ndarray:
    """delta_D + s delta_C, written out."""
    table = np.asarray(reference.table_schedule().alphas_cumprod, np.float64)
    t = int(arrays["t"][0])
    channels_last = lambda name: np.moveaxis(np.float64(arrays[name]), 1, -1)  # noqa: E731
    x_t = table[t] ** 0.5 * channels_last("latents") + (1 - table[t]) ** 0.5 * channels_last(
        "noise"
    )
    predict = lambda name: toy_prediction(x_t, t, jnp.float64(arrays[name]))  # noqa: E731
    prompt, empty, negative = map(predict, ("emb_text", "emb_null", "emb_uncond"))
    domain = empty if t < threshold else empty - negative
    return (1 - table[t]) * (domain + scale * (prompt - empty))


@pytest.mark.slow
@pytest.mark.parametrize("name", [EARLY, LATE])
@pytest.mark.parametrize("above_t", [-1000, -1, 0, 1, 1000])
def test_the_formula_by_hand(name, above_t, x64):
    """With a threshold that is as far above t: t itself is not below t."""
    arguments, arrays = given(name, "negatives")
    threshold = min(max(int(arrays["t"][0]) + above_t, 0), 1000)
    found = nfsd_residual(*arguments, guidance_scale=7.5, noise_free_below=threshold / 1000)
    assert_matches(found.gradient, by_hand(arrays, threshold, 7.5), 1e-12)
    assert (above_t > 0) == (int(arrays["t"][0]) < threshold)


@pytest.mark.slow
@pytest.mark.parametrize(("t", "below"), [(199, 1.0), (200, 0.0)])
def test_the_default_threshold_is_200_of_1000(t, below, x64):
    (*arguments, _, noise), _ = given(EARLY)
    at_t = *arguments, jnp.asarray(t), noise
    default = nfsd_residual(*at_t, guidance_scale=7.5)
    known = nfsd_residual(*at_t, guidance_scale=7.5, noise_free_below=below)
    np.testing.assert_array_equal(default.gradient, known.gradient)


def test_without_a_negative_prompt_it_is_csd_times_the_scale(x64):
    arguments, _ = given(EARLY, "negatives", "null")
    found = nfsd_residual(*arguments, guidance_scale=7.5)
    score = csd_residual(*arguments, scales=Scales()).gradient
    assert_matches(found.gradient, 7.5 * score, 1e-12)


def test_at_low_noise_it_is_sds_with_the_noise_left_in(x64):
    arguments, _ = given(LATE, "negatives", "null")
    options = {"guidance_scale": 7.5, "weighting": constant}
    found = nfsd_residual(*arguments, **options)
    sds = sds_residual(*arguments, **options)
    assert_matches(found.gradient, sds.gradient + arguments[-1], 1e-12)


@pytest.mark.parametrize("name", [EARLY, LATE])
def test_perp_neg_joins_the_direction_of_the_condition(name, x64):
    """With its perpendiculars to that direction, from the empty prompt."""
    arguments, _ = given(name)
    found = nfsd_residual(*arguments, guidance_scale=7.5, weighting=constant)
    plain = nfsd_residual(*given(name, "negatives")[0], guidance_scale=7.5, weighting=constant)
    predictions, condition = found.predictions, plain.predictions.cond - plain.predictions.null
    added = sum(
        weight * perpendicular(negative - predictions.null, condition)
        for negative, weight in zip(predictions.negatives, CSD[name]["neg_weights"][0], strict=True)
    )
    assert np.abs(added).max() > 1e-3
    assert_matches(found.gradient, plain.gradient + 7.5 * added, 1e-12)

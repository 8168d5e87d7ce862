"""Rules on camera-aware priors against the official guidance of MVDream and Zero-1-to-3, with
their toy predictors.

The official losses divide by the number of views B, ours do not: their gradient is 1 / B of the
rule's.  float32 to 1e-4 and float64 to 1e-5 of the largest entry; the recordings are float32.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.prediction import predicted_x0
from sdjax.rules import weighting
from sdjax.rules.fsd import fsd_residual
from sdjax.rules.rescaling import clip
from sdjax.rules.sds import sds_residual
from tests import multiview_toys as toys
from tests import tiny
from tests.multiview_toys import assert_relative, latents, recorded
from tests.reference import channels_last
from tests.rules.recorded import both_precisions

TOLERANCE = {jnp.float32: 1e-4, jnp.float64: 1e-5}
MVDREAM, VARIANT = (
    recorded("multiview/mvdream/guidance"),
    recorded("multiview/mvdream/guidance_cfd_variant"),
)
ZERO123, UNIFIED = (
    recorded("multiview/zero123/guidance_toy"),
    recorded("multiview/zero123/guidance_unified_sds"),
)
TOGETHER = next(int(case["num_frames"]) for case in MVDREAM.values() if "num_frames" in case)


def named(cases: dict, prefix: str, array: str = "dloss_dlatents") -> list[str]:
    return sorted(name for name in cases if name.startswith(prefix) and array in cases[name])


def guided_arrays(cases: dict, name: str) -> dict[str, np.ndarray]:
    """What MVDream's guidance looked at: of the first scenes of the inputs, as many as there are
    views, with texts of their own for each view where the case says so."""
    inputs, views = cases["inputs"], int(cases[name]["batch"])
    text = "text_per_view" if name.endswith("text_per_view") else "text"
    arrays = {key: inputs[key][:views] for key in ("latents", "noise", "uncond")}
    return {**arrays, "text": inputs[text][:views]}


@functools.partial(tiny.jit, static_argnames=("dtype", "residual", "weight", "factor", "together"))
def ours(arrays, t, scale, dtype, residual, weight, factor, together):
    """The residual, and the clean estimate that it leads to."""
    schedule = toys.schedule_in(dtype)
    predictor = toys.text_predictor(arrays["text"], arrays["uncond"], dtype)
    z, noise = (latents(arrays[name], dtype) for name in ("latents", "noise"))
    rescaling = {"recon_std_rescale": factor, "views_together": together}
    found = residual(
        schedule, predictor, z, t, noise, guidance_scale=scale, weighting=weight, **rescaling
    )
    return found, predicted_x0(schedule, found.noisy, found.epsilon, t)


def ours_of(cases, name, dtype, *, weight, residual=sds_residual, factor=None):
    case = cases[name]
    factor = float(case["recon_std_rescale"]) if factor is None else factor
    settings = (dtype, residual, weight, factor, int(case["num_frames"]))
    return ours(guided_arrays(cases, name), int(case["t"]), float(case["scale"]), *settings)


@both_precisions
@pytest.mark.parametrize("name", named(MVDREAM, "recon_"))
def test_mvdream(name, dtype, x64):
    case, views = MVDREAM[name], int(MVDREAM[name]["batch"])
    found, x_0 = ours_of(MVDREAM, name, dtype, weight=weighting.sigma_over_alpha)
    for actual, array in ((found.gradient / views, "dloss_dlatents"), (x_0, "x0_target")):
        assert_relative(actual, channels_last(case[array]), TOLERANCE[dtype])
    np.testing.assert_allclose(
        jnp.linalg.norm(found.gradient.ravel()) / views, case["grad_norm"], rtol=TOLERANCE[dtype]
    )
    if "latents_noisy" in case:
        assert_relative(found.noisy, channels_last(case["latents_noisy"]), TOLERANCE[dtype])


@both_precisions
@pytest.mark.parametrize("name", named(VARIANT, "eps_minus_noise_"))
def test_the_variant_without_a_weight_is_our_flow(name, dtype, x64):
    """Consistent flow distillation's guidance of MVDream: epsilon - noise, nothing rescaled."""
    case, views = VARIANT[name], int(VARIANT[name]["batch"])
    settings = {"weight": weighting.constant, "residual": fsd_residual, "factor": 0.0}
    found, _ = ours_of(VARIANT, name, dtype, **settings)
    expected = channels_last(case["dloss_dlatents"])
    assert_relative(found.gradient / views, expected, TOLERANCE[dtype])


@both_precisions
@pytest.mark.parametrize("residual", [sds_residual, fsd_residual])
@pytest.mark.parametrize("name", named(VARIANT, "recon_"))
def test_the_variant_of_estimates_divides_twice(name, residual, dtype, x64):
    """It takes the gradient of its loss, already divided by the views, for a residual."""
    case, views = VARIANT[name], int(VARIANT[name]["batch"])
    settings = {"weight": weighting.sigma_over_alpha, "residual": residual}
    found, x_0 = ours_of(VARIANT, name, dtype, **settings)
    once = {"inner_grad": found.gradient / views, "dloss_dlatents": found.gradient / views**2}
    for array, actual in {**once, "x0_target": x_0}.items():
        if array in case:
            assert_relative(actual, channels_last(case[array]), TOLERANCE[dtype])


@both_precisions
def test_from_a_rendering_to_its_gradient(dtype, x64):
    case, inputs = MVDREAM["from_rgb"], MVDREAM["inputs"]
    rgb, views = jnp.asarray(case["rgb"], dtype), len(case["rgb"])
    size = 8 * case["latents"].shape[-1]
    draw = latents(case["vae_noise"], dtype)
    encode = lambda image: toys.first_stage(image, case["vae_matrix"], draw, size)  # noqa: E731
    z, back = jax.vjp(encode, rgb)
    found = sds_residual(
        toys.schedule_in(dtype),
        toys.text_predictor(inputs["text"][:views], inputs["uncond"][:views], dtype),
        z,
        jnp.asarray(case["t"]),
        latents(case["noise"], dtype),
        guidance_scale=float(case["scale"]),
        weighting=weighting.sigma_over_alpha,
        recon_std_rescale=float(case["recon_std_rescale"]),
        views_together=TOGETHER,
    )
    assert_relative(z, channels_last(case["latents"]), TOLERANCE[dtype])
    gradient = found.gradient / views
    assert_relative(gradient, channels_last(case["dloss_dlatents"]), TOLERANCE[dtype])
    assert_relative(back(gradient)[0], case["dloss_drgb"], TOLERANCE[dtype])


def of_images(context, t, scale, dtype, term, weight):
    """Zero-1-to-3's residuals of all views, each at a timestep of its own, as it draws them."""
    inputs, found = ZERO123["inputs"], []
    for i, own in enumerate(t):
        rows = np.asarray([i, i + len(t)])
        z, noise = (latents(inputs[name][i : i + 1], dtype) for name in ("latents", "noise"))
        found.append(
            sds_residual(
                toys.schedule_in(dtype, "multiview/zero123/guidance_toy"),
                toys.image_predictor(context[rows], inputs["c_concat"], term, dtype),
                z,
                jnp.asarray(own),
                noise,
                guidance_scale=float(scale),
                weighting=weight,
            )
        )
    return jax.tree.map(lambda *views: jnp.concatenate(views), *found)


@both_precisions
@pytest.mark.parametrize("name", named(ZERO123, ""))
def test_zero123(name, dtype, x64):
    case, bound = ZERO123[name], float(ZERO123[name].get("grad_clip_value", np.inf))
    weight, term = weighting.one_minus_alpha_cumprod, float(case["image_term"])
    found = of_images(case["context"], case["t"], case["scale"], dtype, term, weight)
    clipped = clip(bound)(found.gradient, jnp.zeros((), dtype))
    expected = channels_last(case["dloss_dlatents"])
    assert_relative(clipped / len(case["t"]), expected, TOLERANCE[dtype])
    np.testing.assert_allclose(
        jnp.linalg.norm(clipped.ravel()), case["grad_norm"], rtol=TOLERANCE[dtype]
    )
    if "latents_noisy" in case:
        assert_relative(found.noisy, channels_last(case["latents_noisy"]), TOLERANCE[dtype])


UNIFIED_WEIGHTS = {
    "dreamfusion": weighting.one_minus_alpha,
    "uniform": weighting.constant,
    "fantasia3d": weighting.sqrt_alpha_one_minus_alpha,
}


@both_precisions
@pytest.mark.parametrize("name", named(UNIFIED, "sds_"))
def test_unified_guidance_of_zero123(name, dtype, x64):
    """Its weights are of other powers of alpha, and all views share one timestep."""
    case, weight = UNIFIED[name], UNIFIED_WEIGHTS[name.removeprefix("sds_")]
    views = len(case["pose"])
    context, t = toys.projected(case["pose"]), np.repeat(case["t"], views)
    found = of_images(context, t, case["scale"], dtype, 0.0, weight)
    expected = channels_last(case["dloss_dlatents"])
    assert_relative(found.gradient / views, expected, TOLERANCE[dtype])

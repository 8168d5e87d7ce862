"""DDIM against recorded trajectories of diffusers, and its order of convergence."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.ddim import (
    ddim_invert,
    ddim_path,
    ddim_sample,
    inversion_path,
    sampling_path,
    timestep_grid,
)
from sdjax.diffusion.guided import classifier_free_guidance
from sdjax.diffusion.schedule import NoiseSchedule
from tests import reference

CASES = reference.load("ddim")
TRAJECTORIES = sorted(name for name in CASES if "timesteps" in CASES[name])


def follow(name: str):
    """Our trajectory under the settings that the recording's name states."""
    recorded, inputs = CASES[name], CASES["inputs"]
    inverse = "invert" in name
    schedule = reference.table_schedule(set_alpha_to_one=name.endswith("alpha1"))
    grid = timestep_grid(
        len(recorded["timesteps"]), "trailing" if "trailing" in name else "leading"
    )
    path = inversion_path(grid) if inverse else sampling_path(grid)

    def predict(x, t):
        cond, uncond = (
            reference.toy_prediction(x, t, inputs[k]) for k in ("emb_cond", "emb_uncond")
        )
        return classifier_free_guidance(cond, uncond, float(recorded.get("guidance_scale", 1.0)))

    noise = recorded.get("variance_noise")
    end, states, _ = ddim_path(
        predict,
        schedule,
        jnp.asarray(reference.channels_last(inputs["x_0" if inverse else "x_T"])),
        path,
        evaluate_at="destination" if name.startswith("invert") else "source",
        prediction_type="v_prediction" if "v_prediction" in name else "epsilon",
        eta=float(recorded.get("eta", 0.0)),
        noise=None if noise is None else jnp.asarray(reference.channels_last(noise)),
    )
    return path, jnp.concatenate([states, end[None]])


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAJECTORIES)
def test_trajectory_matches_diffusers(name):
    path, states = follow(name)
    asked = path[1:] if name.startswith("invert") else path[:-1]
    np.testing.assert_array_equal(asked, CASES[name]["timesteps"])
    kept = CASES[name].get("kept", slice(None))  # of long trajectories every fifth state
    reference.assert_matches(states[kept], reference.channels_last(CASES[name]["states"]))


def gaussian_data(schedule: NoiseSchedule, std: float):
    """The exact noise prediction for data N(0, std^2); its ODE scales x by a known factor."""

    def predict(x, t):
        abar = schedule.alpha_cumprod(t)
        return schedule.sigma(t) * x / (1.0 - abar + abar * std**2)

    return predict


def smooth_schedule() -> NoiseSchedule:
    """sigma / alpha linear in t from 0 to 10, so that the order shows at few steps."""
    ratio = np.linspace(0.0, 10.0, 1001)[1:]
    return NoiseSchedule(jnp.asarray(1.0 / (1.0 + ratio**2)), jnp.asarray(1.0))


def fitted_order(errors: list[float]) -> float:
    """The slope of log error over log step size, for step counts that double."""
    return float(np.polyfit(np.arange(len(errors)), -np.log2(errors), 1)[0])


@pytest.mark.slow
def test_sampling_converges_at_first_order(x64):
    """Data N(0, std^2): x_0 = x_T std / sqrt(sigma_T^2 + alpha_T^2 std^2) on the exact ODE."""
    schedule = smooth_schedule()
    x_T, std = jnp.ones((1, 2)), 0.5  # noqa: N806
    abar = float(schedule.alphas_cumprod[-1])
    exact = std / np.sqrt(1.0 - abar + abar * std**2)
    predict = gaussian_data(schedule, std)
    errors = [
        abs(float(ddim_sample(predict, schedule, x_T, n)[0, 0]) - exact) for n in (25, 50, 100, 200)
    ]
    assert 0.9 < fitted_order(errors) < 1.1


@pytest.mark.slow
def test_inversion_then_sampling_returns_at_first_order(x64):
    schedule = smooth_schedule()
    predict, x_0 = gaussian_data(schedule, 0.5), jnp.ones((1, 2))

    def round_trip(steps):
        x_T = ddim_invert(predict, schedule, x_0, steps)  # noqa: N806
        return ddim_sample(predict, schedule, x_T, steps)

    errors = [abs(float(round_trip(n)[0, 0]) - 1.0) for n in (25, 50, 100, 200)]
    assert 0.9 < fitted_order(errors) < 1.1


def test_a_step_of_length_zero_evaluates_nothing():
    schedule = reference.table_schedule()
    path = jnp.asarray([500, 500, 500])
    end, _, epsilons = ddim_path(lambda x, t: x * jnp.nan, schedule, jnp.ones((1, 2)), path)
    np.testing.assert_array_equal(end, 1.0)
    np.testing.assert_array_equal(epsilons, 0.0)


@pytest.mark.parametrize(("steps", "spacing"), [(0, "leading"), (1001, "trailing"), (5, "middle")])
def test_bad_grids_are_refused(steps, spacing):
    with pytest.raises(ValueError, match="expected"):
        timestep_grid(steps, spacing)

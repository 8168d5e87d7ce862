"""Schedules against diffusers' tables, and what a shift means."""

import jax.numpy as jnp
import numpy as np

from sdjax.diffusion.schedule import cosine, scaled_linear
from tests import reference


def test_scaled_linear_is_the_recorded_table():
    table = reference.load("ddim")["schedule"]["alphas_cumprod_f64"]
    np.testing.assert_allclose(scaled_linear().alphas_cumprod, table, rtol=5e-6)


def test_zero_snr_ends_in_pure_noise():
    table = reference.load("ddim")["schedule_zero_snr"]["alphas_cumprod"]
    ours = scaled_linear(rescale_betas_zero_snr=True).alphas_cumprod
    np.testing.assert_allclose(ours, table, atol=1e-6)
    assert ours[-1] == 0.0


def test_negative_timesteps_are_clean_or_read_the_first_entry():
    clean = scaled_linear(set_alpha_to_one=True)
    assert clean.alpha(jnp.asarray(-99)) == 1.0 and clean.sigma(-1) == 0.0
    for schedule in (scaled_linear(), cosine()):
        assert schedule.alpha(-99) == schedule.alpha(0) and schedule.sigma(-1) > 0.0


def test_shift_moves_the_log_snr():
    """A shift s adds 2 log s to the log SNR where nothing is clipped."""

    def log_snr(schedule):
        abar = np.asarray(schedule.alphas_cumprod, np.float64)[100:900]
        return np.log(abar / (1.0 - abar))

    difference = log_snr(cosine(shift=0.15)) - log_snr(cosine())
    np.testing.assert_allclose(difference, 2.0 * np.log(0.15), atol=1e-3)

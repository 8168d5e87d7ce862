"""Noise schedules: how much of the data is left at each timestep.

A schedule is a table of `alphas_cumprod` over the integer timesteps 0..T-1.  With
alpha_t = sqrt(alphas_cumprod[t]) and sigma_t = sqrt(1 - alphas_cumprod[t]), a noised latent is
x_t = alpha_t x_0 + sigma_t noise.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


class NoiseSchedule(NamedTuple):
    """`alphas_cumprod` per timestep, and its value for negative timesteps (clean data)."""

    alphas_cumprod: Float[Array, "timesteps"]
    final_alpha_cumprod: Float[Array, ""]

    @property
    def num_timesteps(self) -> int:
        """T; the timesteps are 0..T-1."""
        return self.alphas_cumprod.shape[0]

    def alpha_cumprod(self, t: Int[Array, "*batch"] | int) -> Float[Array, "*batch"]:
        """The table at `t`; any negative `t` stands for (nearly) clean data."""
        t = jnp.asarray(t)
        return jnp.where(t < 0, self.final_alpha_cumprod, self.alphas_cumprod[jnp.maximum(t, 0)])

    def alpha(self, t: Int[Array, "*batch"] | int) -> Float[Array, "*batch"]:
        """alpha_t = sqrt(alphas_cumprod[t]), the factor of the data."""
        return jnp.sqrt(self.alpha_cumprod(t))

    def sigma(self, t: Int[Array, "*batch"] | int) -> Float[Array, "*batch"]:
        """sigma_t = sqrt(1 - alphas_cumprod[t]), the factor of the noise."""
        return jnp.sqrt(1.0 - self.alpha_cumprod(t))


def from_alphas_cumprod(table: np.ndarray, *, set_alpha_to_one: bool = False) -> NoiseSchedule:
    """A schedule from its table; negative timesteps read 1 or the first entry."""
    final = 1.0 if set_alpha_to_one else table[0]
    return NoiseSchedule(jnp.asarray(table, jnp.float32), jnp.asarray(final, jnp.float32))


def scaled_linear(
    beta_start: float = 0.00085,
    beta_end: float = 0.012,
    num_timesteps: int = 1000,
    *,
    set_alpha_to_one: bool = False,
    rescale_betas_zero_snr: bool = False,
) -> NoiseSchedule:
    """Stable Diffusion's schedule: betas linear in their square root.

    beta_t = linspace(sqrt(beta_start), sqrt(beta_end), T)^2, alphas_cumprod = cumprod(1 - beta).
    With `rescale_betas_zero_snr` the table is shifted and scaled so that the last entry is 0 and
    the first is kept (Lin et al., arXiv 2305.08891, algorithm 1).
    """
    table = cumulative(scaled_linear_betas(beta_start, beta_end, num_timesteps))
    if rescale_betas_zero_snr:
        table = rescaled_to_zero_snr(table)
    return from_alphas_cumprod(table, set_alpha_to_one=set_alpha_to_one)


def scaled_linear_betas(start: float, end: float, steps: int) -> Float[np.ndarray, "timesteps"]:
    """linspace(sqrt(start), sqrt(end), T)^2."""
    return np.linspace(start**0.5, end**0.5, steps, dtype=np.float32) ** 2


def squared_cosine_betas(steps: int, largest: float = 0.999) -> Float[np.ndarray, "timesteps"]:
    """beta_t = 1 - f((t + 1) / T) / f(t / T), at most `largest`, with
    f(u) = cos(pi / 2 (u + 0.008) / 1.008)^2 (Nichol & Dhariwal, arXiv 2102.09672, equation 17)."""
    left = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.minimum(1.0 - left[1:] / left[:-1], largest).astype(np.float32)


def cumulative(betas: Float[np.ndarray, "timesteps"]) -> Float[np.ndarray, "timesteps"]:
    """alphas_cumprod = cumprod(1 - beta), in float32."""
    return np.cumprod(np.float32(1.0) - betas, dtype=np.float32)


def rescaled_to_zero_snr(table: Float[np.ndarray, "timesteps"]) -> Float[np.ndarray, "timesteps"]:
    """The table shifted and scaled so that the last entry is 0 and the first is kept
    (Lin et al., arXiv 2305.08891, algorithm 1)."""
    alphas = np.sqrt(table)
    return ((alphas - alphas[-1]) * alphas[0] / (alphas[0] - alphas[-1])) ** 2


def without_zero(table: Float[np.ndarray, "timesteps"]) -> Float[np.ndarray, "timesteps"]:
    """The table with 2^-24 for entries below it.

    Where alpha_t = 0, the clean sample alpha_t x_t - sigma_t v of a v-prediction is lost in its
    noise prediction sigma_t x_t + alpha_t v.  With alpha_t = 2^-12 it comes back from there to
    about 2^-12 of x_t in float32: smaller values lose more to rounding, larger ones change the
    process more.  diffusers' Euler scheduler has the same value in this place.
    """
    return np.maximum(table, np.float32(2.0**-24))


def cosine(shift: float = 1.0, num_timesteps: int = 1000, max_log_snr: float = 15.0):
    """The cosine schedule with a shifted log signal-to-noise ratio.

    log SNR(u) = -2 log tan(pi u / 2) + 2 log(shift), u = (t + 1/2) / T, clipped to
    +-`max_log_snr`; alphas_cumprod = sigmoid(log SNR).  Negative timesteps read the first entry:
    on quite clean data an exact score is not defined.  A shift below 1 destroys the data earlier,
    as large images need (Hoogeboom et al., arXiv 2301.11093, equation 4).
    """
    u = (np.arange(num_timesteps) + 0.5) / num_timesteps
    log_snr = -2.0 * np.log(np.tan(0.5 * np.pi * u)) + 2.0 * np.log(shift)
    table = 1.0 / (1.0 + np.exp(-np.clip(log_snr, -max_log_snr, max_log_snr)))
    return from_alphas_cumprod(table)

"""Noise schedules: how much of the data is left at each timestep.

A schedule is a table of `alphas_cumprod` over the integer timesteps 0..T-1.  With
alpha_t = sqrt(alphas_cumprod[t]) and sigma_t = sqrt(1 - alphas_cumprod[t]), a noised latent is
x_t = alpha_t x_0 + sigma_t noise.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sdjax.config.errors import UserError


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
    roots = np.linspace(beta_start**0.5, beta_end**0.5, num_timesteps, dtype=np.float32)
    table = np.cumprod(np.float32(1.0) - roots**2, dtype=np.float32)
    if rescale_betas_zero_snr:
        alphas = np.sqrt(table)
        table = ((alphas - alphas[-1]) * alphas[0] / (alphas[0] - alphas[-1])) ** 2
    return from_alphas_cumprod(table, set_alpha_to_one=set_alpha_to_one)


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


def from_scheduler_config(config: dict[str, Any] | str | Path) -> NoiseSchedule:
    """The schedule of a diffusers `scheduler_config.json` (its path, its folder or its content).

    Raises `ValueError` for a `beta_schedule` other than "scaled_linear".
    """
    if not isinstance(config, dict):
        path = Path(config)
        config = json.loads((path / "scheduler_config.json" if path.is_dir() else path).read_text())
    kind = config.get("beta_schedule", "linear")
    if kind != "scaled_linear":
        raise UserError(
            f"beta_schedule is {kind!r}, expected 'scaled_linear', the one of Stable Diffusion."
        )
    return scaled_linear(
        config["beta_start"],
        config["beta_end"],
        config["num_train_timesteps"],
        set_alpha_to_one=config.get("set_alpha_to_one", True),
        rescale_betas_zero_snr=config.get("rescale_betas_zero_snr", False),
    )

"""The ODE of a configuration: its fields, and what they make."""

from typing import Any

from sdjax.config.fields import number, one_of, optional, whole
from sdjax.dtypes import DTYPE
from sdjax.rules.cached_ode import cached_ode
from sdjax.rules.kind import Parts
from sdjax.rules.ode import Ode, linear_noise, random_noise, simulated_ode
from sdjax.rules.ode_start import STARTS

ODES = ("simulated", "cached", "linear", "random")
ODE_AT = ("t_delta", "node")
ODE_FIELDS = {
    "ode": one_of(*ODES).of(
        "simulated", "at each step, or looked up per view bin; or eps* itself, or fresh noise"
    ),
    "ode_at": one_of(*ODE_AT).of("t_delta", "where it is read: there, or at the node above"),
    "ode_steps": whole(at_least=1, at_most=999).of(10, "DDIM steps of the ODE from T"),
    "ode_start": one_of(*STARTS).of("one", "eps*: one for all views, or windows of a world map"),
    "ode_theta": number(above=0, at_most=360).of(180.0, "degrees of a window of that map"),
    "ode_bins": optional(whole(at_least=1)).of(
        None, "view bins of the cached ODE (rigs, where views are drawn together); None: all"
    ),
    "ode_dtype": DTYPE.of("float32", "in which the cached ODE is kept"),
}


def made_ode(
    parts: Parts,
    scale: float,
    needs_states: bool,
    *,
    ode: str,
    ode_at: str,
    ode_steps: int,
    ode_start: str,
    ode_theta: float,
    ode_bins: int | None,
    ode_dtype: Any,
) -> Ode:
    """The ODE of a guidance scale that a table of `ODE_FIELDS` describes; `needs_states` where more
    is read than its predictions."""
    start, schedule = STARTS[ode_start](ode_theta), parts.prior.schedule
    if ode == "random":
        return random_noise()
    if ode == "linear":
        return linear_noise(start)
    if ode == "simulated":
        return simulated_ode(schedule, scale, ode_steps, at=ode_at, start=start)
    height, width, _ = parts.prior.latent_shape(parts.resolution)
    bins = parts.prior.view_bins(ode_bins, parts.elevation)
    if ode_start == "world_map":
        bins = parts.prior.camera_bins(ode_bins, parts.elevation)
    same = {"at": ode_at, "start": start, "with_states": needs_states}
    return cached_ode(schedule, scale, bins, height, width, ode_steps, ode_dtype, **same)

"""The guidance rule that a config asks for."""

from typing import Any

from ml_collections import ConfigDict

from sdjax.diffusion import annealing
from sdjax.guidance import weighting
from sdjax.guidance.dsd import constant, dsd, proportional
from sdjax.guidance.dsd_star import dsd_star
from sdjax.guidance.fsd import fsd
from sdjax.guidance.noise import fixed, world_map
from sdjax.guidance.ode import cached_ode, exact_ode
from sdjax.guidance.rule import Rule
from sdjax.guidance.sdi import sdi
from sdjax.guidance.sds import sds


def make_rule(config: ConfigDict, prior: Any, resolution: int) -> Rule:
    """The guidance rule for a prior at a resolution."""
    rule, schedule = config.rule, prior.schedule
    common = {"guidance_scale": rule.guidance_scale, "annealing": make_annealing(config)}
    if rule.name == "sdi":
        return sdi(
            schedule,
            inversion_guidance_scale=rule.inversion_guidance_scale,
            inversion_steps=rule.inversion_steps,
            inversion_eta=rule.inversion_eta,
            overshoot=rule.overshoot,
            **common,
        )
    if rule.name == "dsd_star":
        return dsd_star(schedule, **common)
    common["weighting"] = getattr(weighting, rule.weighting)
    if rule.name == "sds":
        return sds(schedule, **common)
    if rule.name == "fsd":
        noise = fixed() if rule.noise == "fixed" else world_map(rule.theta, rule.beta)
        return fsd(schedule, noise=noise, **common)
    arguments = (schedule, rule.ode_guidance_scale)
    if rule.ode == "cached":
        ode = cached_ode(*arguments, prior.cameras, resolution, resolution, rule.ode_steps)
    else:
        ode = exact_ode(*arguments, rule.ode_steps)
    proportionally = rule.overshoot == "proportional"
    return dsd(
        schedule,
        ode=ode,
        ode_guidance_scale=rule.ode_guidance_scale,
        base_guidance_scale=rule.base_guidance_scale,
        overshoot=proportional(config.annealing.t_min, rule.delta)
        if proportionally
        else constant(rule.delta),
        **common,
    )


def make_annealing(config: ConfigDict) -> annealing.Annealing:
    """The timestep as a function of progress."""
    bounds = {"t_max": config.annealing.t_max, "t_min": config.annealing.t_min}
    return {
        "uniform": annealing.uniform,
        "linear": annealing.linear,
        "sqrt": annealing.sqrt,
    }[config.annealing.name](**bounds)

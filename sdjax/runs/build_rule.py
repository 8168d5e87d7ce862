"""The guidance rule that a config asks for."""

from collections.abc import Callable
from functools import partial
from typing import Any

import optax
from ml_collections import ConfigDict

from sdjax.networks.lora.unet import init_lora
from sdjax.rules import weighting
from sdjax.rules.asd import asd
from sdjax.rules.cfd import cfd
from sdjax.rules.consistent3d import consistent3d
from sdjax.rules.contract import Rule
from sdjax.rules.csd import Scales, csd
from sdjax.rules.dsd import dsd
from sdjax.rules.dsd_star import dsd_star
from sdjax.rules.fsd import fsd
from sdjax.rules.hifa import hifa
from sdjax.rules.ism import ism
from sdjax.rules.nfsd import nfsd
from sdjax.rules.ode import Ode, cached_ode, exact_ode
from sdjax.rules.overshoot import constant, proportional
from sdjax.rules.rescaling import rescaled
from sdjax.rules.sdi import sdi
from sdjax.rules.sds import sds
from sdjax.rules.shared import SharedRule, altered
from sdjax.rules.sjc import sjc
from sdjax.rules.vsd.adapter import Adapter
from sdjax.rules.vsd.camera_features import camera_matrix, spherical
from sdjax.rules.vsd.exact import exact_vsd
from sdjax.rules.vsd.learned import vsd
from sdjax.runs.build_prior import DTYPES
from sdjax.runs.build_schedules import (
    make_annealing,
    make_noise,
    make_ramp,
    make_rescalings,
    total_steps,
)
from sdjax.runs.build_view_bins import make_view_bins

CAMERA_FEATURES = {"matrix": (camera_matrix, 16), "spherical": (spherical, 4)}
WEIGHTINGS = ("weighting", "late_weighting")
CSD_SCALES = tuple(f"{term}_scale" for term in Scales._fields)


def make_rule(config: ConfigDict, prior: Any, resolution: int) -> Rule | SharedRule:
    """The guidance rule for a prior at a resolution."""
    makers: dict[str, Callable[[], Rule | SharedRule]] = {
        "sds": partial(_make_noisy, sds, config, prior),
        "sjc": partial(_make_noisy, sjc, config, prior),
        "csd": partial(_make_csd, config, prior),
        "nfsd": partial(_make_noisy, nfsd, config, prior),
        "hifa": partial(_make_noisy, hifa, config, prior),
        "ism": partial(_make_noisy, ism, config, prior),
        "asd": partial(_make_asd, config, prior),
        "consistent3d": partial(_make_noisy, consistent3d, config, prior),
        "fsd": partial(_make_noisy, fsd, config, prior),
        "cfd": partial(_make_noisy, cfd, config, prior),
        "vsd": partial(_make_vsd, config, prior),
        "exact_vsd": partial(_make_noisy, exact_vsd, config, prior),
        "sdi": partial(_make, sdi, config, prior),
        "dsd": partial(_make_dsd, config, prior, resolution),
        "dsd_star": partial(_make, dsd_star, config, prior),
    }
    rule, rescalings = makers[config.rule.name](), make_rescalings(config)
    if not rescalings:
        return rule
    change = lambda rule: rescaled(rule, *rescalings)  # noqa: E731
    return altered(rule, change) if isinstance(rule, SharedRule) else change(rule)


def _make(rule: Callable[..., Any], config: ConfigDict, prior: Any, **others: Any) -> Any:
    """`rule` with the fields of its table, which are named after its arguments, and `others`."""
    arguments = {"annealing": make_annealing(config), **_fields(config), **others}
    return rule(prior.schedule, **arguments)


def _make_noisy(rule: Callable[..., Any], config: ConfigDict, prior: Any, **others: Any) -> Any:
    return _make(rule, config, prior, noise=make_noise(config), **others)


def _fields(config: ConfigDict) -> dict[str, Any]:
    """The table of the rule without its name: weightings as functions, ramps of progress."""
    steps, table = total_steps(config), config.rule

    def field(name: str, value: Any) -> Any:
        if name in WEIGHTINGS and value is not None:
            return getattr(weighting, value)
        return make_ramp(value, steps) if isinstance(value, tuple) else value

    return {name: field(name, value) for name, value in table.items() if name != "name"}


def _make_csd(config: ConfigDict, prior: Any) -> Rule:
    fields = _fields(config)
    return csd(
        prior.schedule,
        annealing=make_annealing(config),
        scales=Scales(*(fields[name] for name in CSD_SCALES)),
        weighting=fields["weighting"],
        noise=make_noise(config),
    )


def _make_asd(config: ConfigDict, prior: Any) -> Rule:
    lowest = make_ramp(config.annealing.t_min, total_steps(config))
    return _make_noisy(asd, config, prior, shift_from=lowest)


def _make_vsd(config: ConfigDict, prior: Any) -> SharedRule:
    table = config.rule
    features, count = CAMERA_FEATURES[table.camera_features]
    adapter = Adapter(
        init=partial(init_lora, unet=prior.unet, rank=table.lora_rank, camera_features=count),
        predict=lambda params, predictor, *seen: predictor.adapted(params, *seen),
        prediction_type=prior.prediction_type,
    )
    return vsd(
        prior.schedule,
        guidance_scale=table.guidance_scale,
        annealing=make_annealing(config),
        adapter=adapter,
        optimizer=optax.adamw(
            table.lora_learning_rate, b1=0.9, b2=0.99, eps=1e-15, weight_decay=0.01
        ),
        particle_guidance_scale=table.particle_guidance_scale,
        camera_dropout=table.camera_dropout,
        camera_features=features,
        weighting=getattr(weighting, table.weighting),
        noise=make_noise(config),
    )


def _make_dsd(config: ConfigDict, prior: Any, resolution: int) -> Rule:
    rule = config.rule
    is_proportional = rule.overshoot == "proportional"
    return dsd(
        prior.schedule,
        guidance_scale=rule.guidance_scale,
        base_guidance_scale=rule.base_guidance_scale,
        ode_guidance_scale=rule.ode_guidance_scale,
        annealing=make_annealing(config),
        weighting=getattr(weighting, rule.weighting),
        ode=_make_ode(config, prior, resolution),
        overshoot=proportional(config.annealing.t_min, rule.delta)
        if is_proportional
        else constant(rule.delta),
        image_weight=make_ramp(rule.image_weight, total_steps(config)),
        warm_up=rule.warm_up,
    )


def _make_ode(config: ConfigDict, prior: Any, resolution: int) -> Ode:
    rule = config.rule
    arguments = (prior.schedule, rule.ode_guidance_scale)
    if rule.ode == "exact":
        return exact_ode(*arguments, rule.ode_steps)
    height, width, _ = prior.latent_shape(resolution)
    bins, dtype = make_view_bins(config, prior), DTYPES[rule.ode_dtype]
    return cached_ode(*arguments, bins, height, width, rule.ode_steps, dtype)

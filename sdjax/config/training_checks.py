"""What a training configuration must fulfil beyond the range of each single field."""

import itertools
from typing import Any

from ml_collections import ConfigDict

from sdjax.config.errors import UserError
from sdjax.config.fields import validate
from sdjax.config.prior_checks import check_prompt, check_stable_diffusion, check_view_bins
from sdjax.config.rule_schema import NOISELESS
from sdjax.config.training_schema import SCHEMA
from sdjax.runs.joining import check_processes

FLAT = ("image", "latents")  # scenes without a third dimension


def check_config(config: ConfigDict) -> None:
    """Raise a UserError for the first thing that cannot work, before anything is computed."""
    validate(config, SCHEMA)
    _check_prior(config)
    _check_stages(config)
    _check_annealing(config)
    _check_noise(config)
    _check_losses(config)
    _check_latents(config)
    _check_dsd(config)
    _check_dsd_star(config)
    _check_vsd(config)
    _check_run(config)


def _check_prior(config: ConfigDict) -> None:
    if config.prior.name == "embedded":
        check_prompt(config.prompt)
        _check_bank_cameras(config)
        if config.rule.name == "vsd":
            raise UserError(
                "config.rule.name is 'vsd', expected 'exact_vsd' where config.prior.name is "
                "'embedded': there is no network to adapt."
            )
        return
    check_stable_diffusion(config.prior)
    if config.rule.get("ode") == "cached":
        check_view_bins(config.prior, config.rule.ode_bins)


def _check_bank_cameras(config: ConfigDict) -> None:
    camera = config.camera
    for name in ("distance", "fovy"):
        if camera[name][0] != camera[name][1]:
            raise UserError(
                f"config.camera.{name} is {camera[name]}, expected two equal values: the embedded "
                "prior knows its objects from one distance through one lens."
            )
    for name in ("camera_perturb", "center_perturb", "up_perturb"):
        if camera[name]:
            raise UserError(
                f"config.camera.{name} is {camera[name]}, expected 0: the embedded prior knows "
                "cameras that look straight at the object."
            )
    if camera.distance[0] <= 1:
        raise UserError(
            f"config.camera.distance is {camera.distance}, expected more than 1: the embedded "
            "prior's objects reach that far."
        )


def _check_stages(config: ConfigDict) -> None:
    lengths = {name: len(values) for name, values in config.stages.items()}
    if len(set(lengths.values())) != 1:
        counts = ", ".join(f"{count} {name}" for name, count in lengths.items())
        raise UserError(f"config.stages has {counts}, expected as many of each.")
    highest = max(config.stages.resolution)
    for resolution in config.stages.resolution:
        if highest % resolution:
            raise UserError(
                f"config.stages.resolution has {resolution}, expected divisors of {highest}."
            )


def _check_annealing(config: ConfigDict) -> None:
    table = config.annealing
    if table.name == "piecewise":
        _check_pieces(table)
        return
    for low, high in zip(_ends(table.t_min), _ends(table.t_max), strict=True):
        if low > high:
            raise UserError(
                f"config.annealing.t_min is {table.t_min}, expected at most "
                f"config.annealing.t_max, which is {table.t_max}."
            )


def _check_pieces(table: ConfigDict) -> None:
    ascending = all(a < b for a, b in itertools.pairwise(table.steps))
    if not ascending or len(table.steps) != len(table.t):
        raise UserError(
            f"config.annealing.steps is {table.steps} and config.annealing.t is {table.t}, "
            "expected ascending steps, and as many of each."
        )


def _ends(value: Any) -> tuple[float, float]:
    """A number twice, or the first and the last value of a ramp."""
    if not isinstance(value, tuple):
        return value, value
    return (value[0], value[0]) if len(value) == 1 else value[1:3]


def _check_losses(config: ConfigDict) -> None:
    used = [name for name, weight in config.losses.items() if weight and name != "guidance"]
    if used and config.scene.name in FLAT:
        raise UserError(
            f"config.losses.{used[0]} is {config.losses[used[0]]}, expected 0 where "
            f"config.scene.name is '{config.scene.name}': an image has no shape."
        )
    for resolution in config.stages.resolution:
        if "convexity" in used and resolution % 8:
            raise UserError(
                f"config.stages.resolution has {resolution}, expected multiples of 8 where "
                "config.losses.convexity is not 0."
            )


def _check_noise(config: ConfigDict) -> None:
    rule, name = config.rule.name, config.noise.name
    if rule in NOISELESS and name != "none":
        raise UserError(
            f"config.noise.name is '{name}', expected 'none' where config.rule.name is '{rule}', "
            "which draws no noise."
        )
    if rule not in NOISELESS and name == "none":
        raise UserError(
            f"config.noise.name is 'none', expected 'gaussian' or another noise where "
            f"config.rule.name is '{rule}'."
        )
    if name == "surface" and config.scene.name in FLAT:
        raise UserError(
            "config.noise.name is 'surface', expected 'fixed' or 'world_map' where "
            f"config.scene.name is '{config.scene.name}': there is no surface."
        )


def _check_dsd(config: ConfigDict) -> None:
    is_proportional = config.rule.get("overshoot") == "proportional"
    if is_proportional and not isinstance(config.annealing.get("t_min"), int | float):
        raise UserError(
            "config.rule.overshoot is 'proportional', expected 'constant' where the lowest "
            "timestep, config.annealing.t_min, is not a number."
        )


def _check_latents(config: ConfigDict) -> None:
    is_latents = config.scene.name == "latents"
    if is_latents and config.rule.get("image_weight"):
        raise UserError(
            f"config.rule.image_weight is {config.rule.image_weight}, expected 0 where "
            "config.scene.name is 'latents': there is no image."
        )
    if is_latents and len(set(config.stages.resolution)) > 1:
        raise UserError(
            f"config.stages.resolution is {config.stages.resolution}, expected one resolution "
            "where config.scene.name is 'latents': they have one size."
        )


def _check_dsd_star(config: ConfigDict) -> None:
    one_image = len(set(config.stages.resolution)) == config.camera.views == 1
    if config.rule.name == "dsd_star" and not (one_image and config.scene.name in FLAT):
        raise UserError(
            "config.rule.name is 'dsd_star', which samples one image; expected config.scene.name "
            "'image' or 'latents', one resolution and one view; for objects take 'dsd'."
        )


def _check_run(config: ConfigDict) -> None:
    check_processes(config.run)
    if config.run.weight_shards > 1 and config.prior.name == "embedded":
        raise UserError(
            f"config.run.weight_shards is {config.run.weight_shards}, expected 1 where "
            "config.prior.name is 'embedded': it has no network whose weights could be cut."
        )


def _check_vsd(config: ConfigDict) -> None:
    if config.rule.name == "vsd" and config.prior.name == "embedded":
        raise UserError(
            "config.rule.name is 'vsd', which trains a LoRA of Stable Diffusion's UNet; expected "
            "'exact_vsd' where config.prior.name is 'embedded'."
        )

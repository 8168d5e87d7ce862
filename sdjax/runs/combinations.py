"""What each field of a training configuration allows, but all together do not."""

import itertools
import warnings
from typing import Any

from ml_collections import ConfigDict

from sdjax.config.errors import UserError
from sdjax.config.fields import LARGEST_WHOLE
from sdjax.priors import PRIOR_OF_RUNS
from sdjax.rules import RULES
from sdjax.runs.processes import check_processes
from sdjax.runs.stages import check_stages, views_of
from sdjax.scene import SCENES
from sdjax.scene.reference_losses import REFERENCE_LOSSES
from sdjax.scene.regularisers import REGULARISERS


def check_config(config: ConfigDict) -> None:
    """Raise a UserError for what each field allows but all together do not, before anything is
    computed."""
    prior, rule = PRIOR_OF_RUNS.kinds[config.prior.name], RULES[config.rule.name]
    prior.check(config.prior, config.prompt)
    prior.check_run(config)
    check_stages(config)
    check_seeds(config)
    _check_annealing(config)
    _check_noise(config)
    _check_losses(config)
    _check_views(config)
    _check_reference(config)
    _check_rule(config)
    rule.check(config)
    _check_latents(config)
    check_processes(config.run)
    if config.run.weight_shards > 1 and not prior.has_network:
        raise UserError(
            f"config.run.weight_shards is {config.run.weight_shards}, expected 1 where "
            f"config.prior.name is '{prior.name}': it has no network whose weights could be cut."
        )


def check_seeds(config: ConfigDict) -> None:
    """Raises a UserError for seeds that 32 bits do not hold."""
    last = config.first_seed + config.seeds - 1
    if last > LARGEST_WHOLE:
        raise UserError(
            f"config.first_seed is {config.first_seed}, expected at most "
            f"{LARGEST_WHOLE + 1 - config.seeds} with {config.seeds} seeds."
        )


def _check_annealing(config: ConfigDict) -> None:
    table = config.annealing
    if table.name == "piecewise":
        ascending = all(a < b for a, b in itertools.pairwise(table.steps))
        if not ascending or len(table.steps) != len(table.t):
            raise UserError(
                f"config.annealing.steps is {table.steps} and config.annealing.t is {table.t}, "
                "expected ascending steps, and as many of each."
            )
        return
    for low, high in zip(_ends(table.t_min), _ends(table.t_max), strict=True):
        if low > high:
            raise UserError(
                f"config.annealing.t_min is {table.t_min}, expected at most "
                f"config.annealing.t_max, which is {table.t_max}."
            )


def _ends(value: Any) -> tuple[float, float]:
    """A number twice, or the first and the last value of a ramp."""
    if not isinstance(value, tuple):
        return value, value
    return (value[0], value[0]) if len(value) == 1 else value[1:3]


def _check_noise(config: ConfigDict) -> None:
    rule, name = RULES[config.rule.name], config.noise.name
    if rule.is_noise_free and name != "none":
        raise UserError(
            f"config.noise.name is '{name}', expected 'none' where config.rule.name is "
            f"'{rule.name}', which draws no noise."
        )
    if not rule.is_noise_free and name == "none":
        raise UserError(
            f"config.noise.name is 'none', expected 'gaussian' or another noise where "
            f"config.rule.name is '{rule.name}'."
        )
    if name == "surface" and SCENES[config.scene.name].is_flat:
        raise UserError(
            "config.noise.name is 'surface', expected 'fixed' or 'world_map' where "
            f"config.scene.name is '{config.scene.name}': there is no surface."
        )


def _check_losses(config: ConfigDict) -> None:
    used = [name for name in REGULARISERS if config.losses[name]]
    if used and SCENES[config.scene.name].is_flat:
        raise UserError(
            f"config.losses.{used[0]} is {config.losses[used[0]]}, expected 0 where "
            f"config.scene.name is '{config.scene.name}': an image has no shape."
        )
    for name, resolution in itertools.product(used, config.stages.resolution):
        if resolution % REGULARISERS[name].divides:
            raise UserError(
                f"config.stages.resolution has {resolution}, expected multiples of "
                f"{REGULARISERS[name].divides} where config.losses.{name} is not 0."
            )


def _check_views(config: ConfigDict) -> None:
    """They are whole rigs, and as many together as the prior draws."""
    rig, together = config.camera.rig, config.prior.get("views_together", 1)
    is_flat = SCENES[config.scene.name].is_flat
    if together > 1 and (rig != together or is_flat):
        what = f"config.camera.rig is {rig}, expected {together}"
        if is_flat:
            what = f"config.scene.name is '{config.scene.name}', expected an object"
        raise UserError(
            f"{what} where config.prior.name is '{config.prior.name}', which draws {together} "
            "views of an object together."
        )
    name = "camera.views" if config.stages.views is None else "stages.views"
    given = config.camera.views
    if config.stages.views is not None and given not in (1, *config.stages.views):
        raise UserError(
            f"config.camera.views is {given}, while config.stages.views has the cameras of each "
            f"stage, {config.stages.views}; change those, or set config.stages.views=None."
        )
    wrong = [views for views in views_of(config) if views % rig]
    if wrong:
        nearest = max(1, round(wrong[0] / rig)) * rig
        raise UserError(
            f"config.{name} has {wrong[0]}, expected multiples of config.camera.rig, which is "
            f"{rig}; the nearest is {nearest}."
        )


def _check_reference(config: ConfigDict) -> None:
    """What is compared with a picture needs one, and its background."""
    used = [name for name in REFERENCE_LOSSES if config.losses[name]]
    if not used:
        if config.stages.reference_resolution is not None:
            raise UserError(
                f"config.stages.reference_resolution is {config.stages.reference_resolution}, "
                "expected None where no losses.reference_rgb or losses.reference_mask is above 0."
            )
        return
    name, scene = used[0], config.scene
    field = f"config.losses.{name} is {config.losses[name]}, expected 0"
    if not config.prior.get("image"):
        raise UserError(
            f"{field} where the prior has no picture; give one as config.prior.image "
            "(of the priors 'zero123' and 'embedded')."
        )
    if SCENES[scene.name].is_flat:
        raise UserError(
            f"{field} where config.scene.name is '{scene.name}': a picture is not seen again from "
            "its camera."
        )
    if scene.background != "white":
        raise UserError(
            f"config.scene.background is {scene.background!r}, expected 'white' where "
            f"config.losses.{name} is not 0: so is that of prior.image."
        )


def _check_rule(config: ConfigDict) -> None:
    rule, prior = RULES[config.rule.name], PRIOR_OF_RUNS.kinds[config.prior.name]
    if rule.needs_network and not prior.has_network:
        raise UserError(
            f"config.rule.name is '{rule.name}', which adapts the prior's network; expected "
            f"another rule (for 'vsd' it is 'exact_vsd') where config.prior.name is "
            f"'{prior.name}', which has none."
        )
    one_image = len(set(config.stages.resolution)) == max(views_of(config)) == 1
    because = rule.one_image_because(config.rule)
    if because is not None and not (one_image and SCENES[config.scene.name].is_flat):
        raise UserError(
            f"{because}; expected config.scene.name 'image' or 'latents', one resolution and one "
            "view (for objects take 'dsd', or 'sdi' with 'inverted' noise)."
        )
    warning = rule.warning_of_objects(config.rule)
    if warning is not None and not SCENES[config.scene.name].is_flat:
        warnings.warn(warning, stacklevel=2)


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

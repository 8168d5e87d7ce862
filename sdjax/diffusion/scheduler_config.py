"""What a diffusers `scheduler_config.json` says: the diffusion process of a checkpoint.

Fields that make the process are read, with the defaults of diffusers' class: `num_train_timesteps`,
`beta_start`, `beta_end`, `beta_schedule`, `trained_betas`, `rescale_betas_zero_snr`,
`set_alpha_to_one`, `prediction_type` and `timestep_spacing`.  Fields of one sampler or another
(`_OF_SAMPLERS`) make no difference: sdjax samples by its own DDIM.  Those that would (`_FIXED`) are
warned about where they ask for something else, and so are fields that are not known here.
"""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from sdjax.config.errors import UserError, did_you_mean, short
from sdjax.diffusion import schedule as schedules
from sdjax.diffusion.ddim import GRIDS
from sdjax.diffusion.prediction import PredictionType
from sdjax.diffusion.schedule import NoiseSchedule
from sdjax.files.plain_files import read_json

FILE = "scheduler_config.json"
LONGEST = 100_000  # timesteps

_BETAS = {  # T values between beta_start and beta_end, in float32 as diffusers has them
    "linear": lambda start, end, steps: np.linspace(start, end, steps, dtype=np.float32),
    "scaled_linear": schedules.scaled_linear_betas,
    "squaredcos_cap_v2": lambda start, end, steps: schedules.squared_cosine_betas(steps),
}
_DEFAULTS = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "trained_betas": None,
    "rescale_betas_zero_snr": False,
    "set_alpha_to_one": True,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
}
_OF_CLASS = {"PNDMScheduler": {"set_alpha_to_one": False}}
# What diffusers' Stable Diffusion pipelines change where a file says something else, and clipping
# of samples, which latents are not made for.
_FIXED = {"steps_offset": 1, "clip_sample": False, "thresholding": False}
_OF_SAMPLERS = {
    *("algorithm_type", "clip_sample_range", "disable_corrector", "dynamic_thresholding_ratio"),
    *("euler_at_final", "final_sigmas_type", "flow_shift", "interpolation_type"),
    *("lambda_min_clipped", "lower_order_final", "original_inference_steps", "predict_x0"),
    *("sample_max_value", "sigma_max", "sigma_min", "skip_prk_steps", "solver_order", "solver_p"),
    *("solver_type", "timestep_scaling", "timestep_type", "use_beta_sigmas"),
    *("use_exponential_sigmas", "use_karras_sigmas", "use_lu_lambdas", "variance_type"),
}
_NOT_DISCRETE = ("FlowMatch", "EDM", "VQ", "ScoreSde", "KarrasVe", "CMStochastic", "Consistency")


class Scheduler(NamedTuple):
    """The process that a network was trained on, and how it is meant to be sampled."""

    schedule: NoiseSchedule
    prediction_type: PredictionType
    timestep_spacing: str  # one of `sdjax.diffusion.ddim.GRIDS`


def read_scheduler(fields: Any, source: str = f"The {FILE}") -> Scheduler:
    """The scheduler that the fields of a `scheduler_config.json` describe.

    Args:
        fields: the content of the file.
        source: what the sentences about it begin with, a name of the file.

    With `rescale_betas_zero_snr` the last of alphas_cumprod is 2^-24, not 0 (`without_zero`).

    Raises:
        UserError: for a value that is not known or out of its range, for a process that is not one
            of betas, and for a network that predicts epsilon where nothing of the data is left.
    """
    if not isinstance(fields, Mapping):
        raise UserError(f"{source} holds a {type(fields).__name__}, expected a table of fields.")
    kind = str(fields.get("_class_name", "DDIMScheduler"))
    if kind.startswith(_NOT_DISCRETE):
        raise UserError(
            f"{source} is of a {kind}, expected one with betas, such as a DDIMScheduler, as Stable "
            "Diffusion 1.x and 2.x have."
        )
    read = {**_DEFAULTS, **_OF_CLASS.get(kind, {}), **fields}
    _warn_of_others(fields, source)
    _check(read, source)
    betas = _betas(read, source)
    if len(betas) != fields.get("num_train_timesteps", len(betas)):
        raise UserError(
            f"{source} has {len(betas)} trained_betas and num_train_timesteps "
            f"{fields['num_train_timesteps']}, expected as many betas as timesteps."
        )
    table = schedules.cumulative(betas)
    if read["rescale_betas_zero_snr"]:
        table = schedules.without_zero(schedules.rescaled_to_zero_snr(table))
    if not np.all(table > 0.0):
        raise UserError(
            f"{source} has betas so large that nothing of the data is left at timestep "
            f"{np.argmin(table > 0.0)}, expected some up to the last one."
        )
    schedule = schedules.from_alphas_cumprod(table, set_alpha_to_one=read["set_alpha_to_one"])
    return Scheduler(schedule, read["prediction_type"], read["timestep_spacing"])


def from_scheduler_config(config: Mapping[str, Any] | str | Path) -> NoiseSchedule:
    """The schedule of a `scheduler_config.json` (its path, its folder or its content).

    Raises a UserError as `read_scheduler`, and for a file that is missing or damaged.
    """
    if isinstance(config, Mapping):
        return read_scheduler(config).schedule
    path = Path(config)
    path = path / FILE if os.path.isdir(path) else path
    fields = read_json(path, "the configuration of a scheduler")
    return read_scheduler(fields, f"'{path}'").schedule


def _betas(read: Mapping[str, Any], source: str) -> np.ndarray:
    steps, trained = read["num_train_timesteps"], read["trained_betas"]
    if trained is None:
        betas = _BETAS[read["beta_schedule"]]
        return betas(read["beta_start"], read["beta_end"], steps)
    if not (isinstance(trained, list | tuple) and trained and all(map(_is_rate, trained))):
        raise UserError(f"{source} has trained_betas that are not numbers between 0 and 1.")
    return np.asarray(trained, np.float32)


def _check(read: Mapping[str, Any], source: str) -> None:
    for name, choices in (
        ("prediction_type", get_args(PredictionType)),
        ("beta_schedule", tuple(_BETAS)),
        ("timestep_spacing", tuple(GRIDS)),
    ):
        if read[name] not in choices:
            hint = did_you_mean(short(read[name]).strip("'"), choices)
            named = ", ".join(map(repr, choices))
            raise UserError(
                f"{source} has {name} {short(read[name])}, expected one of {named}{hint}"
            )
    for name in ("rescale_betas_zero_snr", "set_alpha_to_one"):
        if not isinstance(read[name], bool):
            raise UserError(f"{source} has {name} {short(read[name])}, expected true or false.")
    steps = read["num_train_timesteps"]
    if not (isinstance(steps, int) and not isinstance(steps, bool) and 2 <= steps <= LONGEST):
        raise UserError(
            f"{source} has num_train_timesteps {short(steps)}, expected a whole number from 2 to "
            f"{LONGEST}; Stable Diffusion's is 1000."
        )
    start, end = read["beta_start"], read["beta_end"]
    if not (_is_rate(start) and _is_rate(end) and start <= end):
        raise UserError(
            f"{source} has beta_start {short(start)} and beta_end {short(end)}, expected two "
            "ascending numbers between 0 and 1; Stable Diffusion's are 0.00085 and 0.012."
        )
    if read["rescale_betas_zero_snr"] and read["prediction_type"] == "epsilon":
        raise UserError(
            f"{source} has rescale_betas_zero_snr with prediction_type 'epsilon', expected "
            "'v_prediction': at the last timestep nothing of the data is left, and the noise "
            "says nothing about it."
        )


def _warn_of_others(fields: Mapping[str, Any], source: str) -> None:
    known = set(_DEFAULTS) | _OF_SAMPLERS
    for name, value in fields.items():
        if name in known or str(name).startswith("_") or value == _FIXED.get(name):
            continue
        if name in _FIXED:
            told = f"has {name} {short(value)}, which is taken as {_FIXED[name]!r}"
        elif value is None or value is False:
            continue
        else:
            field = f"the field {name!r} ({short(value)})"
            told = f"has {field}, which is not known and makes no difference"
        warnings.warn(f"{source} {told}.", stacklevel=3)


def _is_rate(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0.0 < value < 1.0

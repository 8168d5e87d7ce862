"""The part of a configuration that chooses the rule, its timesteps, its noise and its gradient."""

from sdjax.config.fields import (
    Schema,
    choice,
    flag,
    number,
    one_of,
    optional,
    ramp,
    several,
    whole,
)

_FRACTION = number(at_least=0, at_most=1)
_SCALE = ramp(number())
_WEIGHTING = one_of(
    "one_minus_alpha_cumprod",
    "constant",
    "sigma",
    "snr",
    "fantasia3d",
    "sigma_over_alpha",
    "alpha_over_sigma",
    "alpha_times_sigma",
    "alpha_cumprod_over_sigma",
    "one_minus_alpha",
    "sqrt_alpha_one_minus_alpha",
)
_BOUNDS = {"t_max": ramp(_FRACTION), "t_min": ramp(_FRACTION)}

ANNEALING = choice(
    "name",
    {
        **dict.fromkeys(("uniform", "linear", "sqrt", "cosine", "dreamtime"), _BOUNDS),
        "piecewise": {"steps": several(whole(at_least=0)), "t": several(_FRACTION)},
    },
)

NOISE: Schema = {
    "name": one_of("none", "gaussian", "offset", "fixed", "world_map", "surface"),
    "theta": number(above=0, at_most=180),
    "beta": _FRACTION,
    "gamma": ramp(_FRACTION),
    "map_texels": optional(whole(at_least=8)),
}

GRADIENT: Schema = {"clip": optional(ramp(number(above=0))), "normalise": flag()}

NOISELESS = ("sdi", "dsd", "dsd_star")  # they find their noise, or keep that of their ODE

RULES: dict[str, Schema] = {
    "sds": {"guidance_scale": _SCALE, "weighting": _WEIGHTING},
    "sjc": {"guidance_scale": _SCALE, "weighting": _WEIGHTING, "variance_reduction": flag()},
    "csd": {
        "cond_scale": _SCALE,
        "uncond_scale": _SCALE,
        "null_scale": _SCALE,
        "noise_scale": _SCALE,
        "perp_neg_scale": _SCALE,
        "weighting": _WEIGHTING,
    },
    "nfsd": {
        "guidance_scale": _SCALE,
        "weighting": _WEIGHTING,
        "noise_free_below": _FRACTION,
    },
    "hifa": {
        "guidance_scale": _SCALE,
        "weighting": _WEIGHTING,
        "denoising_steps": whole(at_least=1, at_most=1000),
        "eta": _FRACTION,
        "image_weight": ramp(number(at_least=0)),
    },
    "ism": {
        "guidance_scale": number(),
        "weighting": _WEIGHTING,
        "interval": ramp(number(at_least=1, at_most=999)),
        "inversion_guidance_scale": number(),
        "inversion_stride": whole(at_least=1, at_most=999),
        "inversion_steps": whole(at_least=1, at_most=999),
    },
    "asd": {
        "guidance_scale": _SCALE,
        "weighting": _WEIGHTING,
        "shift_ratio": number(at_least=0),
        "random_shift": flag(),
        "perp_neg_scale": number(),
    },
    "consistent3d": {
        "guidance_scale": _SCALE,
        "weighting": _WEIGHTING,
        "late_weighting": optional(_WEIGHTING),
        "gap": whole(at_least=1, at_most=999),
        "spread": whole(at_least=1, at_most=999),
        "std_rescale": _FRACTION,
    },
    "fsd": {
        "guidance_scale": _SCALE,
        "weighting": _WEIGHTING,
        "image_weight": ramp(number(at_least=0)),
        "image_guidance_scale": number(),
    },
    "cfd": {
        "guidance_scale": _SCALE,
        "weighting": _WEIGHTING,
        "image_weight": ramp(number(at_least=0)),
        "image_guidance_scale": number(),
    },
    "vsd": {
        "guidance_scale": number(),
        "weighting": _WEIGHTING,
        "particle_guidance_scale": number(),
        "camera_features": one_of("matrix", "spherical"),
        "camera_dropout": _FRACTION,
        "lora_rank": whole(at_least=1, at_most=320),
        "lora_learning_rate": number(above=0),
    },
    "exact_vsd": {
        "guidance_scale": number(),
        "weighting": _WEIGHTING,
        "particle_guidance_scale": number(),
        "data_std": number(at_least=0),
    },
    "sdi": {
        "guidance_scale": number(),
        "inversion_guidance_scale": number(),
        "inversion_steps": whole(at_least=1, at_most=1000),
        "inversion_eta": _FRACTION,
        "overshoot": flag(),
    },
    "dsd": {
        "guidance_scale": number(),
        "base_guidance_scale": number(),
        "ode_guidance_scale": number(),
        "weighting": _WEIGHTING,
        "ode": one_of("exact", "cached"),
        "ode_steps": whole(at_least=1, at_most=999),
        "ode_bins": optional(whole(at_least=1)),
        "ode_dtype": one_of("float32", "bfloat16"),
        "overshoot": one_of("proportional", "constant"),
        "delta": number(above=0, at_most=1),
        "image_weight": ramp(number(at_least=0)),
        "warm_up": _FRACTION,
    },
    "dsd_star": {"guidance_scale": number()},
}

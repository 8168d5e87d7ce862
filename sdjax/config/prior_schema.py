"""The part of a configuration that chooses Stable Diffusion as the prior."""

from sdjax.config.fields import Schema, flag, number, one_of, optional, several, text

_DTYPE = one_of("float32", "bfloat16")
_ANGLE = number(at_least=0, at_most=180)
_DECAY = several(number(), count=3)

PROMPTS: Schema = {
    "negative": text(),
    "view_dependent": flag(),
    "style": one_of("suffix", "prefix"),
    "side": optional(text()),
    "front": optional(text()),
    "back": optional(text()),
    "overhead": optional(text()),
    "thresholds": several(_ANGLE, count=3),
    "perp_neg": one_of("off", "decaying", "stepped"),
    "perp_neg_decays": dict.fromkeys(("f_sb", "f_fsb", "f_fs", "f_sf"), _DECAY),
}

STABLE_DIFFUSION: Schema = {
    "weights": text(),
    "revision": optional(text()),
    "dtype": _DTYPE,
    "autoencoder_dtype": _DTYPE,
    "remat": flag(),
    "prompts": PROMPTS,
}

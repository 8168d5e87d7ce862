"""Sixteen chairs drawn by DDIM from the embedded prior: what 2D score distillation should find.

    sdjax sample --config=sample --workdir=runs/sample
    sdjax sample --config=sample:small --config.prompt="a blue car" --workdir=runs/car
    sdjax sample --config=sample:small_mv --config.prompt="a blue car" --workdir=runs/views
    sdjax sample --config=sample:small_view --workdir=runs/seen
    sdjax sample --config=sample:stable_diffusion --config.prior.weights=... --workdir=runs/sd
    sdjax sample --config=sample:embedded_mv --workdir=runs/four
    sdjax sample --config=sample:embedded_view --workdir=runs/backs
    sdjax sample --config=sample:mvdream --config.prior.weights=... --workdir=runs/views
    sdjax sample --config=sample:zero123 --config.prior.weights=... \\
        --config.prior.image=picture.png --workdir=runs/turned

Seed k starts from the noise that FSD and DSD fix for seed k, so that the pictures can be compared
seed by seed with those of embedded_2d.py.  With several azimuths, all views of a seed start from
the same noise: how far they show one object is how far one noise chooses one object; only views
that a prior draws together, MVDream's four, have noise of their own.  The small
prior's four views are told apart by its prompts.

A few seconds on 2 CPU cores; figures of the small prior: docs/small.md.  Stable Diffusion's
`resolution` is that of its training, 512 for 1.5 and 2.1-base and 768 for 2.1; not run with real
weights so far, on tiny networks in the tests.
"""

from ml_collections import ConfigDict

from sdjax.config.errors import UserError
from sdjax.config.tasks import merged, parts_of

EMBEDDED = {
    "prompt": "a chair",
    "guidance_scale": 7.5,
    "prior": {"name": "embedded"},
    "camera": {"azimuths": (30.0,), "elevation": 20.0},
}


def small() -> dict:
    """The small Stable Diffusion, from four sides."""
    return {
        "prompt": "a blue car",
        "steps": 25,
        "guidance_scale": 3.0,
        "prior": _networks("small_3d"),
        "camera": {"azimuths": (0.0, 90.0, 180.0, 270.0), "elevation": 15.0},
    }


def small_mv() -> dict:
    """The small MVDream, which draws four views together."""
    own = {"prompt": "a blue chair", "steps": 25, "guidance_scale": 3.0}
    return {**_FOUR, **own, "prior": _networks("small_mv_3d")}


def small_view() -> dict:
    """The small Zero-1-to-3: the object of a picture, from around it, first from where it was."""
    camera = {**_FOUR["camera"], "elevation": 5.0}
    own = {"prompt": "the object of the picture", "steps": 25, "guidance_scale": 2.0}
    return {**_FOUR, **own, "prior": _networks("small_view_3d"), "camera": camera}


def stable_diffusion() -> dict:
    """Stable Diffusion, whatever the camera."""
    prior = merged(_networks("stable_diffusion_3d"), {"prompts": {"view_dependent": False}})
    return {
        "prompt": "a DSLR photo of a hamburger",
        "resolution": 512,
        "spacing": None,  # the checkpoint's own
        "prior": prior,
    }


def _networks(task: str) -> dict:
    """The prior of a task; how large its pictures are is `resolution` here."""
    prior = parts_of(task).base["prior"]
    return {name: value for name, value in prior.items() if name != "image_size"}


def mvdream() -> dict:
    """MVDream: four views of each seed in a row, which it draws together."""
    base = parts_of("mvdream_3d").base
    own = {"prompt": base["prompt"], "guidance_scale": 7.5, "prior": base["prior"]}
    return {**_FOUR, **_LATENT, **own}


def zero123() -> dict:
    """Zero-1-to-3: the object of a picture, seen from around it; first from where it was, if
    `camera.elevation` is `prior.image_elevation`."""
    base = parts_of("zero123_3d").base
    camera = {**_FOUR["camera"], "elevation": 5.0, "distance": 3.8, "fovy": 20.0}
    return {**_FOUR, "guidance_scale": 3.0, **_LATENT, "prior": base["prior"], "camera": camera}


def embedded_mv() -> dict:
    """The exact prior of four views together."""
    own = {"prompt": "a house", "guidance_scale": 1.0}
    return {**_FOUR, **own, "prior": {"name": "embedded", "views_together": 4}}


def embedded_view() -> dict:
    """The exact prior given one picture: its view, and others of all objects that agree."""
    prior = {"name": "embedded", "image": parts_of("embedded_view").base["prior"]["image"]}
    camera = {**_FOUR["camera"], "elevation": 5.0}
    own = {"prompt": "a facade", "guidance_scale": 1.0, "seeds": 8}
    return {**_FOUR, **own, "prior": prior, "camera": camera}


_FOUR = {
    "seeds": 4,
    "spacing": None,  # the checkpoint's own
    "camera": {"azimuths": (0.0, 90.0, 180.0, 270.0), "elevation": 15.0},
}
_LATENT = {"resolution": 256}  # on which both models were trained
PRIORS = {
    "embedded": dict,
    "embedded_mv": embedded_mv,
    "embedded_view": embedded_view,
    "small": small,
    "small_mv": small_mv,
    "small_view": small_view,
    "stable_diffusion": stable_diffusion,
    "mvdream": mvdream,
    "zero123": zero123,
}


def get_config(prior: str = "embedded") -> ConfigDict:
    """The table with one of the priors."""
    if prior not in PRIORS:
        raise UserError(
            f"--config=sample:{prior} is not known, expected one of {', '.join(PRIORS)}."
        )
    return ConfigDict(merged(EMBEDDED, PRIORS[prior]()))

"""What a GPU or a TPU shows of sdjax in ten minutes, the most valuable first.

    sdjax benchmark --config=benchmark_accelerator --workdir=runs/accelerator --config.minutes=9

Parity with the recordings of the official code; then speed at the sizes of SD 2.1-base and 1.5
with random weights, PyTorch's diffusers beside where it is installed: guided predictions, whole
steps of SDS, DSD (its ODE cached at nodes, simulated, cached at t'), FSD and SDI rendered at 64
and at 512 pixels, many particles, encodings; then the package's small prior is trained further
for what is left, on 8,192 renderings.  Tables are written after each row.  With a cold cache of
programs not all rows fit: the same command with `--config.sections=step` has all of its time for
them.

`benchmark_accelerator:tiny` rehearses the same sections at tiny sizes, on a CPU in 2 minutes.
Not run on an accelerator so far.
"""

from ml_collections import ConfigDict

from sdjax.config.errors import UserError
from sdjax.runs.schema import load_config

SECTIONS = ("parity", "prediction", "step", "particles", "autoencoder", "training")
AT_T_DELTA = {"rule.ode_at": "t_delta"}
STEPS = {
    "sds": ("sds", {}),
    "dsd cached": ("dsd_cached", {}),
    "dsd simulated": ("dsd", {}),
    "dsd cached at t_delta": ("dsd_cached", AT_T_DELTA),
    "fsd": ("fsd", {}),
    "sdi": ("sdi", {}),
}


def get_config(size: str = "full") -> ConfigDict:
    """The table, or that of a rehearsal."""
    if size not in ("full", "tiny"):
        raise UserError(f"'{size}' is no size of benchmark_accelerator, expected full or tiny.")
    return ConfigDict(full() if size == "full" else tiny())


def full():
    """At the sizes of Stable Diffusion."""
    bfloat16 = {"image_size": 512, "dtype": "bfloat16"}
    runs = {
        f"{name} {pixels}": run(rule, pixels, overrides)
        for pixels in (64, 512)
        for name, (rule, overrides) in STEPS.items()
    }
    return {
        "sections": SECTIONS,
        "minutes": 9.0,
        "shares": {
            "parity": 3.0,
            "prediction": 5.0,
            "step": 6.0,
            "particles": 2.0,
            "autoencoder": 1.0,
            "training": 4.0,
        },
        "peer": "auto",
        "peer_seconds": 60.0,
        "method": {"repeats": 3, "seconds": 0.3},
        "parity": {"checks": ("rules", "networks")},  # the short rows first
        "prediction": {**bfloat16, "models": ("sd21_base", "sd15"), "batches": (1, 4, 16)},
        "autoencoder": {**bfloat16, "models": ("sd21_base",), "batches": (1, 4)},
        "rendering": {"run": "sds 512"},
        "step": {"runs": tuple(runs), "model": "sd21_base", "moments": 8, "parts": False},
        "particles": {"run": "sds 64", "counts": (4, 16, 8, 1), "mappings": ("vmap", "map")},
        "training": {"configs": ("continue_prior",), "overrides": ("data.pictures=8192",)},
        "compilation": {"runs": ("sds 64",)},
        "runs": runs,
    }


TINY_PRIOR = (
    *("resolution=8", "data.nouns=mug", "data.pictures=20", "run.chunk=10"),
    *("model.autoencoder.channels=4,8", "model.autoencoder.groups=2"),
    *("model.text.width=8", "model.text.layers=1", "model.text.heads=1", "model.text.tokens=14"),
    *("model.unet.channels=8", "model.unet.heads=1", "model.unet.groups=4"),
    *("model.unet.attention=True,", "autoencoder.steps=20", "autoencoder.batch=8"),
    "diffusion.batch=8",
)


def run(rule, pixels, overrides):
    """The official recipe, rendered at so many pixels throughout."""
    stage = {"steps": (10_000,), "resolution": (pixels,), "grid": (2,)}
    return load_config(f"stable_diffusion_3d:{rule}", {"stages": stage, **overrides}).to_dict()


def tiny():
    """The sections of `full` at tiny sizes."""
    networks = {"models": ("tiny",), "batches": (1, 2), "image_size": 16, "dtype": "bfloat16"}
    scene = {"name": "dense_grid", "samples": 4, "proposals": 4, "shading.name": "albedo"}
    small = {"scene": scene, "prior.image_size": 16, "stages.grid": (4,), "optimizer.name": "adam"}
    runs = {
        name: run(rule, 8, {**small, **overrides})
        for name, (rule, overrides) in list(STEPS.items())[:2]
    }
    return {
        **full(),
        "minutes": 2.0,
        "shares": {"parity": 1.5, "step": 2.0, "particles": 2.0, "training": 2.0},
        "training": {"configs": ("train_prior",), "overrides": TINY_PRIOR, "reserve": 5.0},
        "method": {"repeats": 2, "seconds": 0.01},
        "peak": {"matrix": 256},
        "prediction": networks,
        "autoencoder": networks,
        "rendering": {"run": "sds"},
        "step": {"runs": tuple(runs), "model": "tiny", "moments": 2, "parts": False},
        "particles": {"run": "sds", "counts": (1, 2), "mappings": ("vmap",), "steps": 2},
        "compilation": {"runs": ("sds",)},
        "runs": runs,
    }

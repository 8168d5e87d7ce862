"""Runs on tiny checkpoints: of networks that learn, and of networks that are cut into parts."""

from sdjax.config.tasks import parts_of, with_rule
from sdjax.runs.schema import load_config
from tests.multiview_folders import zero123_folder
from tests.reference import FOLDER
from tests.test_stable_diffusion_runs import SOLID

SMALL = {
    "prior.dtype": "float32",
    "seeds": 4,
    "run": {"chunk": 2, "checkpoint_every": 2, "devices": 0},
}


def network_runs(folder):
    """VSD with a real LoRA, its network whole and in two parts, and Zero123 in two parts beside a
    picture; `folder` gets the weights of the last, unless it has them."""
    halves = {"run.weight_shards": 2}
    vsd = _vsd()
    return {
        "vsd": vsd,
        "vsd_in_parts": load_config(vsd, halves | {"seeds": 2}),
        "zero123_in_parts": load_config(_zero123(folder), halves),
    }


def _vsd():
    """Latents led by VSD, which is none of the task's own rules."""
    table = with_rule(parts_of("stable_diffusion_2d").base, "vsd", ("vsd",), {})
    weights = {"prior.weights": str(FOLDER / "tiny" / "sd1_tiny"), "prior.image_size": 16}
    return load_config(load_config(table, SMALL), weights | {"stages.steps": (2,)})


def _zero123(folder):
    weights = folder / "zero123"
    if not weights.exists():
        zero123_folder(weights)
    config = load_config(
        "zero123_3d:sds", SOLID | {"scene": {**SOLID["scene"], "progressive": None}}
    )
    stages = {"steps": (2,), "resolution": (8,), "grid": (2,), "views": (1,)}
    prior = {"weights": str(weights), "image": "sdjax:red_facade.png", "image_size": 64}
    stages["reference_resolution"] = (8,)
    small = SMALL | {"seeds": 2, "stages": stages}
    return load_config(load_config(config, {"prior": prior}), small)

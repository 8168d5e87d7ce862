"""Runs on tiny checkpoints: of networks that learn, and of networks that are cut into parts."""

from sdjax.config.tasks import parts_of, with_rule
from sdjax.runs import loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.processes import join_processes
from sdjax.runs.run import open_run
from sdjax.runs.schema import load_config
from tests.multiview_folders import zero123_folder
from tests.reference import FOLDER
from tests.test_stable_diffusion_runs import SOLID

SMALL = {
    "prior.dtype": "float32",
    "seeds": 4,
    "run": {"chunk": 2, "checkpoint_every": 2, "devices": 0},
}


def network_run(name, folder):
    """VSD with a real LoRA, "vsd", the same with its network "in_parts", or Zero123 so beside a
    picture, "picture"; `folder` gets the weights of the last, unless it has them."""
    if name == "vsd":
        return _vsd()
    config = _vsd() if name == "in_parts" else _zero123(folder)
    return load_config(config, {"run.weight_shards": 2, "seeds": 2})


def train_only(config, folder):
    """To a checkpoint, without pictures, whose programs take longer to compile."""
    join_processes(config.run)
    run = open_run(config)
    with Checkpoints(folder) as checkpoints:
        loop.train(run, checkpoints)


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

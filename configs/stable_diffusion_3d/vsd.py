"""VSD on Stable Diffusion: threestudio's prolificdreamer, coarse stage (arXiv 2305.16213).

All seeds share one network with adapters (LoRA), which learns the score of their renderings; it
is ESD with `--config.rule.particle_guidance_scale=0.5`.  t_max jumps from 0.98 to 0.5 at step 5000.
The official adapters sit on 2.1 with v prediction, here on the checkpoint itself.

    python -m sdjax.train --config=configs/stable_diffusion_3d/vsd.py --workdir=runs/vsd

Not run with real weights so far, so there are no times and figures; end to end on tiny networks
of random weights (tests/test_stable_diffusion_runs.py).
"""

from pathlib import Path

from ml_collections import ConfigDict

from sdjax.config.loading import load_config


def get_config() -> ConfigDict:
    """The table."""
    config = load_config(Path(__file__).with_name("unshaded") / "common.py").to_dict()
    config["rule"] = {
        "name": "vsd",
        "guidance_scale": 7.5,
        "weighting": "one_minus_alpha_cumprod",
        "particle_guidance_scale": 1.0,
        "camera_features": "matrix",
        "camera_dropout": 0.1,
        "lora_rank": 4,
        "lora_learning_rate": 0.0001,
    }
    config["noise"]["name"] = "gaussian"
    config["annealing"] = {"name": "uniform", "t_max": (5000, 0.98, 0.5, 5000), "t_min": 0.02}
    config["stages"] = {"steps": (5000, 20000), "resolution": (64, 512), "grid": (2, 2)}
    config["losses"] |= {"sparsity": 10.0, "opaque": (10_000, 0.0, 1000.0, 10_000)}
    return ConfigDict(config)

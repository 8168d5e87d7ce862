"""VSD: threestudio's prolificdreamer, coarse stage (arXiv 2305.16213).

All seeds share one network with adapters (LoRA), which learns the score of their renderings; it
is ESD with `--config.rule.particle_guidance_scale=0.5`.  t_max jumps from 0.98 to 0.5 at step 5000.
The official adapters sit on 2.1 with v prediction, here on the checkpoint itself.

threestudio trains one particle.  The 4 here are those that the authors' README trains for 100,000
steps, of which each moves one of them; here every step moves all.

    sdjax train --config=stable_diffusion_3d:vsd --workdir=runs/vsd
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """What the recipe has different from the defaults."""
    return ConfigDict(
        {
            "rule": {"name": "vsd"},
            "annealing": {"name": "uniform", "t_max": (5000, 0.98, 0.5, 5000)},
            "seeds": 4,
            "optimizer": {"name": "adamw", "background_learning_rate": 0.001},
            "stages": {"steps": (5000, 20_000), "resolution": (64, 512), "grid": (2, 2)},
            "losses": {"sparsity": 10.0, "opaque": (10_000, 0.0, 1000.0, 10_000)},
        }
    )

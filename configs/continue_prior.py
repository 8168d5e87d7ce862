"""A checkpoint of train_prior.py, trained further on other renderings.

    sdjax train_prior --config=continue_prior --workdir=runs/prior2

Two of three timesteps are above 577, where a network that knows noun and colour already can still
learn views.  So `sdjax-small` was made from what train_prior.py leaves: 8,500 of these steps, in 80
minutes on 2 CPU cores; views went from about 60 (by another classifier) to 84 % (docs/small.md).
`model.weights` says where to start, `sdjax-small` being the end of that; those steps were AdamW's
at 8e-4, with four words for views.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table: what differs from train_prior.py."""
    return ConfigDict(
        {
            "seed": 1,
            "data": {"name": "objects", "pictures": 65_536, "says": {"octant": 0.5}},
            "model": {"name": "checkpoint", "weights": "sdjax-small"},
            "autoencoder": {"steps": 0},
            "diffusion": {
                "steps": 10_000,
                "learning_rate": 5e-3,
                "optimizer": "muon",
                "timestep_power": 2.0,
            },
        }
    )

"""A checkpoint of train_prior.py, trained further on other renderings.

    sdjax train_prior --config=continue_prior --workdir=runs/prior2

Two of three timesteps are above 577, where a network that knows noun and colour already can still
learn views.  So `sdjax-small` was made from what train_prior.py leaves: 8,500 of these steps, in 80
minutes on 2 CPU cores; views went from about 60 (by another classifier) to 84 % (docs/small.md).
`model.weights` says where to start, `sdjax-small` being the end of that.
"""

from ml_collections import ConfigDict

from sdjax.config.loading import read


def get_config() -> ConfigDict:
    """The table: that of train_prior.py but for these fields."""
    config = read("train_prior")
    config["seed"] = 1
    config["data"]["pictures"] = 65_536
    config["model"] = {"name": "checkpoint", "weights": "sdjax-small", "revision": None}
    config["autoencoder"]["steps"] = 0
    config["diffusion"] |= {"steps": 10_000, "learning_rate": 8e-4, "timestep_power": 2.0}
    return ConfigDict(config)

r"""A checkpoint fine-tuned on pictures and captions of one's own; its autoencoder stays.

    sdjax train_prior --config=fine_tune_prior --workdir=runs/mine \
        --config.data.path=my_pictures

The folder has pictures, and captions in metadata.jsonl or in text files beside them.  With another
`model.weights`, set `resolution` to that of its training.  Not timed.
"""

from ml_collections import ConfigDict

from sdjax.config.loading import read


def get_config() -> ConfigDict:
    """The table: that of train_prior.py but for these fields."""
    config = read("train_prior")
    config["data"] = {"name": "folder", "path": "pictures", "empty": 0.1}
    config["model"] = {"name": "checkpoint", "weights": "sdjax-small", "revision": None}
    config["autoencoder"]["steps"] = 0
    config["diffusion"] |= {"steps": 1000, "learning_rate": 1e-4, "trains_text": False}
    return ConfigDict(config)

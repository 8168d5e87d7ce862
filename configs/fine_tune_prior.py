r"""A checkpoint fine-tuned on pictures and captions of one's own; its autoencoder stays.

    sdjax train_prior --config=fine_tune_prior --workdir=runs/mine \
        --config.data.path=my_pictures

The folder has pictures, and captions in metadata.jsonl or in text files beside them.  With another
`model.weights`, set `resolution` to that of its training.  Not timed.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table: what differs from train_prior.py."""
    return ConfigDict(
        {
            "data": {"name": "folder", "path": "pictures"},
            "model": {"name": "checkpoint", "weights": "sdjax-small"},
            "autoencoder": {"steps": 0},
            "diffusion": {"steps": 1000, "learning_rate": 1e-4, "trains_text": False},
        }
    )

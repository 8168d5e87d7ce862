r"""A CLIP fine-tuned on pictures and captions of one's own.

    sdjax train_prior --config=fine_tune_clip --workdir=runs/mine \
        --config.data.path=my_pictures

The folder has pictures, and captions in metadata.jsonl or in text files beside them.  With another
`model.weights`, set `resolution` to that of its training.  Not timed.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table: what differs from train_clip.py."""
    return ConfigDict(
        {
            "trains": "clip",
            "data": {"name": "folder", "path": "pictures", "empty": 0.0},
            "model": {"name": "checkpoint", "weights": "sdjax-small-clip"},
            "clip": {"steps": 300, "learning_rate": 1e-4, "warmup": 20, "average": 0.99},
        }
    )

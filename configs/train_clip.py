"""The CLIP of the package's objects: a text tower and an image tower that agree on captions.

    sdjax train_prior --config=train_clip --workdir=runs/clip

It is trained on captioned renderings that are disturbed anew in each step, and comes with the
package as sdjax-small-clip.  No caption is empty, which would fit every picture.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table: new networks, and pictures of all objects of the package."""
    data = {"name": "objects", "says": {"empty": 0.0}}
    stage = {"optimizer": "muon", "learning_rate": 0.01, "weight_decay": 0.01, "steps": 2000}
    return ConfigDict({"trains": "clip", "data": data, "model": {"name": "new"}, "clip": stage})

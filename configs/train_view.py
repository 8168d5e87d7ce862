r"""Zero-1-to-3 in miniature: other views of the object in a picture, from `sdjax-small`.

    sdjax train_prior --config=train_view --workdir=runs/view

Pairs of views of one object from cameras all around it.  UNet and projection learn; autoencoder
and image encoder, that of `sdjax-small-clip`, stay.  With pictures of one's own, two or more of
each object, whose cameras stand in `metadata.jsonl` (`sdjax.prior_training.views_of_objects`):

    sdjax train_prior --config=train_view:folder --config.data.path=my_views \
        --config.model.weights=sdjax-small-view --workdir=runs/mine

Steps of 32 pairs; the sheet beside each checkpoint shows pictures, true views and those drawn.
"""

from ml_collections import ConfigDict

from sdjax.config.errors import UserError

TABLES = {
    "objects": {"data": {"name": "objects"}, "model": {"name": "stable_diffusion"}},
    "folder": {
        "data": {"name": "folder", "path": "pictures"},
        "model": {"name": "checkpoint"},
        "diffusion": {"steps": 1000, "learning_rate": 1e-4, "optimizer": "adamw"},
    },
}


def get_config(data: str = "objects") -> ConfigDict:
    """The table: renderings of the package's objects, or a folder of pictures."""
    if data not in TABLES:
        raise UserError(f"--config=train_view:{data} is not known, expected objects or folder.")
    return ConfigDict({"trains": "zero123", **TABLES[data]})

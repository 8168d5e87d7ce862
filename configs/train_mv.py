r"""A small MVDream: Stable Diffusion that draws four views of one object, fine-tuned on renderings.

    sdjax train_prior --config=train_mv --workdir=runs/mv
    sdjax train_prior --config=train_mv --config.model.weights=runs/prior/model --workdir=runs/mv2
    sdjax train_prior --config=train_mv:folder --config.data.path=my_views --workdir=runs/mine

It begins as `model.weights`, any Stable Diffusion or a MVDream, with a camera embedding whose last
layer is 0.  A step shows 8 scenes of four views, or, in 30 % of them, the same pictures each by
itself and without a camera.  What all four views are is decided at large timesteps, which are drawn
more often.

A folder of one's own has a line for each picture in metadata.jsonl, with the object that it shows,
its camera in degrees, and a caption that names no view:

    {"file_name": "a.png", "object": "mug 1", "azimuth": 30, "elevation": 10, "text": "a red mug"}

Four pictures of an object, 90 degrees apart and alike in the rest, are a scene.  With another
`model.weights`, set `resolution` to that of its training.
"""

from ml_collections import ConfigDict

from sdjax.config.errors import UserError

DATA = {
    "objects": {"data": {"name": "objects"}, "diffusion": {"timestep_power": 1.5}},
    "folder": {
        "data": {"name": "folder", "path": "views"},
        "diffusion": {"steps": 1000, "learning_rate": 1e-4, "timestep_power": 1.5},
    },
}


def get_config(data: str = "objects") -> ConfigDict:
    """The table: what differs from the defaults, for renderings or for pictures of one's own."""
    if data not in DATA:
        raise UserError(
            f"--config=train_mv:{data} is not known, expected one of {', '.join(DATA)}."
        )
    return ConfigDict({"trains": "mvdream", "model": {"weights": "sdjax-small"}, **DATA[data]})

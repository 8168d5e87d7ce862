"""How well a rule makes 3D objects of text: all nouns of the package, two colours of each, 4 seeds.

    sdjax measure --config=measure --config.task=small_3d:dsd --workdir=runs/measure/dsd

`task` is any task in 3D whose prompts are the package's nouns, with its rule; of exact priors the
samples need `--config.samples.guidance_scale=1`. `--config.nouns=mug,chair,car,house` is a part
of it, to tune with; `--config.train.FIELD=VALUE` changes the training of all prompts.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The table: the measure's defaults, and films that take little time."""
    films = {"frames": 16, "turntable_resolution": 64}
    return ConfigDict({"task": "small_3d:dsd", "train": {"report": films}})

"""How much memory the training of a prior takes at least; see `sdjax.runs.memory`."""

from typing import Any

from sdjax.runs.memory import FLOAT, Need, of_pictures

SMALLEST = 8  # pixels of a picture along an edge


def needs_of_prior_training(config: Any) -> list[Need]:
    """Those of the renderings that are kept, in bytes, and of the batches, in float32."""
    size, field = config.resolution, "config.resolution"
    pictures = config.data.get("pictures", 0)
    return [
        of_pictures("the renderings", "config.data.pictures", pictures, size, field, colour=1),
        *(
            of_pictures("a batch", f"config.{stage}.batch", table.batch, size, field)
            for stage, table in config.items()
            if hasattr(table, "items") and "batch" in table
        ),
    ]


def needs_of_judging(config: Any) -> list[Need]:
    """Those of the pictures of `sdjax judge_prior`, whose size only the checkpoint says."""
    return [
        Need(what, f"config.{field}", config[field], 1, config[field] * SMALLEST**2 * 3 * FLOAT)
        for what, field in (
            ("the pictures drawn", "captions"),
            ("the renderings", "held_out"),
            ("the pictures of a caption", "seeds"),
        )
    ]

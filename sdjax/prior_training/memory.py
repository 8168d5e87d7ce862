"""How much memory the training of a prior takes at least; see `sdjax.runs.memory`."""

from typing import Any

from sdjax.runs.memory import FLOAT, Need, of_pictures

_KEPT = {"pictures": 1, "scenes": 4}  # fields of renderings, and the pictures of one
SMALLEST = 8  # pixels of a picture along an edge


def needs_of_prior_training(config: Any) -> list[Need]:
    """Those of the renderings that are kept, in bytes, and of the batches, in float32."""
    size, field = config.resolution, "config.resolution"
    kept = [(name, times) for name, times in _KEPT.items() if name in config.data]
    return [
        *(
            of_pictures(
                "the renderings",
                f"config.data.{name}",
                config.data[name],
                size,
                field,
                times=times,
                colour=1,
            )
            for name, times in kept
        ),
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


def needs_of_scenes(config: Any) -> list[Need]:
    """Those of the scenes of `sdjax judge_views`, four views each, likewise."""
    view = SMALLEST**2 * 3
    drawn, true = config.seeds, config.bank.draws
    return [
        Need("the scenes drawn", "config.seeds", drawn, 1, 4 * drawn * view * FLOAT),
        Need("the true renderings", "config.bank.draws", true, 1, 4 * true * view),
    ]

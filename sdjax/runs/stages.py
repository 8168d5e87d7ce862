"""The parts of a run, each at one resolution."""

from typing import Any, NamedTuple

from sdjax.config.errors import UserError
from sdjax.config.fields import LARGEST_WHOLE, optional, several, whole


class Stage(NamedTuple):
    """A part of the run at one resolution; `first` and `last` are steps, `last` excluded."""

    first: int
    last: int
    resolution: int  # pixels of a rendering
    grid: int  # vertices of a dense grid along an edge
    views: int  # cameras of a step
    reference_resolution: int  # pixels of the rendering that is compared with the prior's picture


STAGES = {
    "steps": several(whole(at_least=1)).of((300, 200), "of each stage"),
    "resolution": several(whole(at_least=1)).of((32, 64), "pixels of a rendering along an edge"),
    "grid": several(whole(at_least=2)).of((40, 64), "vertices of a dense grid along an edge"),
    "views": optional(several(whole(at_least=1))).of(
        None, "cameras of a step; None: camera.views in all stages"
    ),
    "reference_resolution": optional(several(whole(at_least=1))).of(
        None, "pixels of the rendering that is compared with prior.image; None: as `resolution`"
    ),
}


def stages(config: Any) -> list[Stage]:
    """The stages that the config's table lists side by side."""
    table, result, first = config.stages, [], 0
    columns = table.resolution, table.grid, views_of(config), table.reference_resolution
    columns = [column or table.resolution for column in columns]
    for steps, *others in zip(table.steps, *columns, strict=True):
        result.append(Stage(first, first + steps, *others))
        first += steps
    return result


def views_of(config: Any) -> tuple[int, ...]:
    """The cameras of a step in each stage."""
    return config.stages.views or (config.camera.views,) * len(config.stages.steps)


def total_steps(config: Any) -> int:
    """Of all stages."""
    return sum(config.stages.steps)


def highest_resolution(config: Any) -> int:
    """The resolution whose noise a particle keeps, and of the embedded prior's bank."""
    return max(config.stages.resolution)


def check_stages(config: Any) -> None:
    """Raises a UserError for stages that do not go together."""
    lengths = {name: len(values) for name, values in config.stages.items() if values is not None}
    if len(set(lengths.values())) != 1:
        counts = ", ".join(f"{count} {name}" for name, count in lengths.items())
        raise UserError(f"config.stages has {counts}, expected as many of each.")
    if total_steps(config) > LARGEST_WHOLE:
        raise UserError(
            f"config.stages.steps has {total_steps(config)} steps in all, expected at most "
            f"{LARGEST_WHOLE}."
        )
    highest = highest_resolution(config)
    for resolution in config.stages.resolution:
        if highest % resolution:
            raise UserError(
                f"config.stages.resolution has {resolution}, expected divisors of {highest}."
            )

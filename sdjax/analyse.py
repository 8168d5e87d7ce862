"""Look into how score distillation works, as its papers do:
`python -m sdjax.analyse --config=configs/analysis/trajectories.py --workdir=runs/trajectories`.

A configuration names one analysis: "trajectories" (x_t, the one-step estimate and the clean
variable of a run), "inverted_noise" (t-SNE of the DDIM-inverted noise of views of objects) or
"initial_noise" (results from flipped and shuffled noise).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from sdjax.commands import app
from sdjax.config.errors import user_errors
from sdjax.config.loading import load_config
from sdjax.runs.machine import prepare_machine
from sdjax.runs.workdir import open_workdir

NUMBERS = "numbers.json"


def analyse(
    config: Any, workdir: str | Path, overrides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write <analysis>.png and numbers.json.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the folder for them; refused if it holds anything of another configuration.
        overrides: fields of the configuration to replace, `{"camera.elevation": 10.0}`.

    Returns:
        The numbers.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the folder.
    """
    from sdjax.analysis.checks import check_config

    config = load_config(config, overrides or {})
    check_config(config)
    prepare_machine()
    with user_errors():
        draw = _prepare(config)
    folder = open_workdir(workdir, config)
    from sdjax.reports.pictures import save_png

    picture, numbers = draw()
    path = folder / f"{config.analysis.name}.png"
    save_png(path, picture)
    (folder / NUMBERS).write_text(json.dumps(numbers, indent=2) + "\n")
    print(f"Look at {path}; the numbers are in {NUMBERS}.")
    return numbers


def _prepare(config: Any) -> Any:
    """The chosen analysis, ready to compute."""
    from sdjax.analysis.from_config import initial_noise, inverted_noise, trajectories

    return {
        "trajectories": trajectories.prepare,
        "initial_noise": initial_noise.prepare,
        "inverted_noise": inverted_noise.prepare,
    }[config.analysis.name](config)


def main() -> None:
    """The command."""
    analyse(app.config_from_flags(), flags.FLAGS.workdir)


if __name__ == "__main__":
    app.define_config()
    flags.DEFINE_string("workdir", None, "the folder for the picture", required=True)
    app.run(main)

"""Look into how score distillation works, as its papers do:
`sdjax analyse --config=analysis/trajectories --workdir=runs/trajectories`.

A configuration names one analysis: "trajectories" (x_t, the one-step estimate and the clean
variable of a run), "inverted_noise" (t-SNE of the DDIM-inverted noise of views of objects) or
"initial_noise" (results from flipped and shuffled noise).
"""

from pathlib import Path
from typing import Any

from sdjax.analysis.checks import check_config, load_config, schema_of
from sdjax.analysis.figures import ANALYSES
from sdjax.analysis.runs import training_configs
from sdjax.commands import app
from sdjax.config.loading import Overrides, as_stored
from sdjax.config.tables import resolve
from sdjax.files.whole_files import write_json
from sdjax.reports.pictures import save_png
from sdjax.runs.memory import check_memory, phases_of_training
from sdjax.runs.processes import prepare_machine
from sdjax.runs.workdir import open_workdir

NUMBERS = "numbers.json"


def analyse(config: Any, workdir: str | Path, overrides: Overrides = ()) -> dict[str, Any]:
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
    config = load_config(config, overrides)
    check_config(config)
    prepare_machine()
    for run in training_configs(config).values() if "runs" in config else ():
        check_memory(*phases_of_training(run), seeds=run.seeds)
    draw = ANALYSES[config.analysis.name].make(config)
    folder = open_workdir(workdir, config, former=as_stored(load_config))
    picture, numbers = draw()
    path = folder / f"{config.analysis.name}.png"
    save_png(path, picture)
    write_json(folder / NUMBERS, numbers)
    print(f"Look at {path}; the numbers are in {NUMBERS}.")
    return numbers


COMMAND = app.Command(
    "analyse",
    __doc__,
    main=lambda values: analyse(values.config, values.workdir, values.config_field),
    define=lambda: app.define_workdir("the folder for the picture"),
    load=load_config,
    fields=lambda config: dict(resolve(schema_of(config), config)),
)
if __name__ == "__main__":
    app.run(COMMAND)

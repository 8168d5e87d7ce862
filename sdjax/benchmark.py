"""How fast sdjax is here: `sdjax benchmark --config=benchmark --workdir=...`.

Sections: guided noise predictions and encodings at the sizes of Stable Diffusion with random
weights, rendering, whole training steps, many particles, compilation and memory.
"""

import os
from pathlib import Path
from typing import Any

from sdjax.benchmarks import report
from sdjax.benchmarks.build import sections as sections_of
from sdjax.benchmarks.machine import describe
from sdjax.benchmarks.schema import check_config, load_config, schema_of
from sdjax.commands import app
from sdjax.config.loading import Overrides, as_stored
from sdjax.config.tables import resolve
from sdjax.runs.processes import prepare_machine
from sdjax.runs.workdir import CONFIG, open_workdir


def benchmark(config: Any, workdir: str | Path, overrides: Overrides = ()) -> dict[str, Any]:
    """Measure, print a Markdown table, and write benchmark.md and benchmark.json.

    Args:
        config: a path, a module with `get_config()`, a ConfigDict or a dict.
        workdir: the folder for them, and with `config.profile` for traces of `jax.profiler`.
        overrides: fields of the configuration to replace, `{"sections": ("rendering",)}`.

    Returns:
        `sdjax.benchmarks.report.Section` by name; their rows hold numbers.

    Raises:
        UserError: one sentence about what was wrong in the configuration or the folder.
    """
    config = load_config(config, overrides)
    check_config(config)
    if config.peer:  # which needs room on the device, too
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    prepare_machine()
    folder = open_workdir(workdir, config, former=as_stored(load_config))
    todo, done = sections_of(config, folder / CONFIG), {}
    for name in sorted(config.sections, key=_with_others_on_the_device):
        print(f"measuring {name} ...", flush=True)
        done[name] = todo[name]()
        print(f"\n{report.section(done[name])}\n", flush=True)
    done = {name: done[name] for name in config.sections}
    machine = describe()
    report.write(folder, machine, done)
    print(report.sentence(machine))
    print(f"Look at {folder / report.MARKDOWN}; the same is in {report.JSON}.")
    return done


def _with_others_on_the_device(section: str) -> bool:
    """False for what runs in other processes only, which comes first: later, this one would keep
    them from the device's memory."""
    return section != "compilation"


COMMAND = app.Command(
    "benchmark",
    __doc__,
    main=lambda values: benchmark(values.config, values.workdir, values.config_field),
    define=lambda: app.define_workdir("the folder for the tables"),
    load=load_config,
    fields=lambda config: dict(resolve(schema_of(config), config)),
)
if __name__ == "__main__":
    app.run(COMMAND)

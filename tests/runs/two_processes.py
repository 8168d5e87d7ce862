"""What one of two processes does in `test_processes`; it has two devices.

Its arguments are "objects" or the number of seeds, the folder, the port and the process.
"""

import functools
import sys
from pathlib import Path

from sdjax.config.errors import UserError
from sdjax.runs import build, outputs
from sdjax.train import train
from tests.runs.small_pictures import learning, pictures
from tests.small_runs import objects_config


def train_pictures(seeds, folder, processes):
    """A run that learns, and which the folder then refuses to another, in both processes."""
    build.make_rule = learning
    train(pictures(seeds=seeds), folder, processes)
    try:
        train(pictures(seeds=seeds, prompt="a mug"), folder, processes)
    except UserError as error:
        print("refused:", error)


def train_objects(folder, processes):
    """What is written is told."""
    for name in ("write_turntable", "save_mesh", "save_png", "save_views"):
        setattr(outputs, name, _telling(name, getattr(outputs, name)))
    train(objects_config(**{"run.devices": 0, "seeds": 3}), folder, processes)


def _telling(name, function):
    def told(*arguments):
        path = next(a for a in arguments if isinstance(a, Path))
        print("wrote:", name, path.parent.name, path.name)
        return function(*arguments)

    return told


if __name__ == "__main__":
    kind, folder, port, process = sys.argv[1:]
    table = {"coordinator": f"127.0.0.1:{port}", "processes": 2, "process": int(process)}
    processes = {f"run.{name}": value for name, value in table.items()}
    run = train_objects if kind == "objects" else functools.partial(train_pictures, int(kind))
    run(Path(folder), processes)

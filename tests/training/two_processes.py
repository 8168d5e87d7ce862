"""What one of two processes does in `test_processes`; it has two devices."""

import sys
from pathlib import Path

from sdjax.commands.errors import UserError
from sdjax.train import train
from sdjax.training import build, outputs
from sdjax.training import run as runs
from sdjax.training.checkpoints import Checkpoints
from tests.small_runs import objects_config
from tests.training.small_pictures import learning, pictures


def train_pictures(folder, processes):
    """A run that the folder then refuses to others, in both processes; and one that learns."""
    train(pictures(seeds=6), folder / "alone", processes)
    try:
        train(pictures(seeds=6, prompt="a mug"), folder / "alone", processes)
    except UserError as error:
        print("refused:", error)
    build.make_rule = learning
    run = runs.open_run(pictures(seeds=4, **processes))
    with Checkpoints(folder / "learning") as checkpoints:
        runs.train(run, checkpoints)


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
    {"pictures": train_pictures, "objects": train_objects}[kind](Path(folder), processes)

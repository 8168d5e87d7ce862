"""What one of two processes does in `test_processes`; it has two devices.

Its arguments are what to do, the folder, the port and the process.
"""

import functools
import sys
from pathlib import Path

from sdjax.compare import compare
from sdjax.config.errors import UserError
from sdjax.export import export
from sdjax.runs import build, outputs
from sdjax.runs.schema import load_config
from sdjax.sample import sample
from sdjax.sweep import sweep
from sdjax.train import train
from tests.runs.small_networks import network_run, train_only
from tests.runs.small_pictures import learning, sharing
from tests.small_runs import EXPORTED, SAMPLED, objects_config


def train_pictures(seeds, folder, processes):
    """A run that learns, and which the folder then refuses to another, in both processes."""
    build.make_rule = learning
    train(sharing(seeds=seeds), folder, processes)
    try:
        train(sharing(seeds=seeds, prompt="a mug"), folder, processes)
    except UserError as error:
        print("refused:", error)


def train_objects(folder, processes):
    """What is written is told."""
    for name in ("write_turntable", "save_mesh", "save_png", "save_views"):
        setattr(outputs, name, _telling(name, getattr(outputs, name)))
    train(objects_config(**{"run.devices": 0, "seeds": 3}), folder, processes)


def other_commands(folder, processes):
    """Each of them; `folder` has `objects`, a finished run, and `configs`, what a sweep trains."""
    sample("sample", folder / "sampled", SAMPLED | processes)
    for changes in ({"seeds": 4}, {"prompt": f"a {'mug' if processes['run.process'] else 'car'}"}):
        try:
            sample("sample", folder / "sampled", SAMPLED | changes | processes)
        except UserError as error:
            print("refused:", error)
    outputs.save_mesh = _telling("save_mesh", outputs.save_mesh)
    export(folder / "objects", **EXPORTED, out=folder / "exported")
    print("failed:", sweep([folder / "configs"], folder / "swept", processes))
    compare(folder / "swept" / "configs", folder / "compared")


def _telling(name, function):
    def told(*arguments):
        path = next(a for a in arguments if isinstance(a, Path))
        print("wrote:", name, path.parent.name, _whole(path))
        return function(*arguments)

    return told


def _whole(path):
    """The name of the file that a part becomes (`sdjax.files.whole_files`)."""
    return f"{path.name.split('.')[1]}{path.suffix}" if path.name.startswith(".") else path.name


def train_network(name, folder, processes):
    """A run whose network learns, or is cut into parts."""
    train_only(load_config(network_run(name, folder), processes), folder / "two")


KINDS = {"objects": train_objects, "commands": other_commands}
KINDS |= {name: functools.partial(train_network, name) for name in ("vsd", "in_parts", "picture")}

if __name__ == "__main__":
    kind, folder, port, process = sys.argv[1:]
    table = {"coordinator": f"127.0.0.1:{port}", "processes": 2, "process": int(process)}
    processes = {f"run.{name}": value for name, value in table.items()}
    run = KINDS[kind] if kind in KINDS else functools.partial(train_pictures, int(kind))
    run(Path(folder), processes)

"""One program in a process of its own: `python -m sdjax.benchmarks.start`.

Asked for {"config": FILE, "kind": KIND, "name": NAME}; KIND is "prediction" or "autoencoder" with
the name of a model, or "step" with the name of a run.
"""

import time

STARTED = time.perf_counter()  # before the imports, which count

import json  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ml_collections import ConfigDict  # noqa: E402

from sdjax.benchmarks.beside import answer_requests  # noqa: E402
from sdjax.config.loading import freeze  # noqa: E402
from sdjax.runs.processes import prepare_machine  # noqa: E402


def start(config: ConfigDict, kind: str, name: str) -> dict[str, Any]:
    """Compile and run it once: seconds, and bytes of memory."""
    import jax

    from sdjax.benchmarks.machine import peak_memory
    from sdjax.benchmarks.step import step_options
    from sdjax.benchmarks.work import compiled

    is_step = kind == "step"
    work = _step(config, name) if is_step else _network(config, kind, name)
    program = compiled(work, step_options() if is_step else None)
    jax.block_until_ready(program.run(*work.arguments))
    peak, of = peak_memory()
    return {
        "tracing": program.tracing,
        "compiling": program.compiling,
        "planned": program.planned,
        "until_first_result": time.perf_counter() - STARTED,
        "peak": peak,
        "of": of,
    }


def _network(config: ConfigDict, kind: str, model: str) -> Any:
    from sdjax.benchmarks.flops import work_of
    from sdjax.benchmarks.networks import with_random_arguments

    table = config[kind]
    case = kind, model, table.batches[0], table.image_size, table.dtype
    return with_random_arguments(work_of(case))


def _step(config: ConfigDict, name: str) -> Any:
    from sdjax.benchmarks.runs import Opener, stages_of
    from sdjax.benchmarks.step import whole_step
    from sdjax.runs.schema import completed

    run = completed(config.runs[name].to_dict())
    return whole_step(Opener(config.step.model)(next(stages_of({name: run}))), 1)


def answer(request: dict[str, str]) -> dict[str, Any]:
    """What `start` says of the program that is asked for."""
    config = freeze(json.loads(Path(request["config"]).read_text()))
    return start(config, request["kind"], request["name"])


if __name__ == "__main__":
    prepare_machine()
    answer_requests(answer)

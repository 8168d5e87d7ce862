"""A piece of work to be timed: a function and its arguments, or only their shapes."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

POOL = 2**20  # different random values


class Work(NamedTuple):
    """A pure function, and for each argument a tree of arrays or of `jax.ShapeDtypeStruct`."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Program(NamedTuple):
    """Work that is compiled."""

    run: Callable[..., Any]
    tracing: float  # seconds until XLA got it
    compiling: float  # seconds that XLA took
    planned: int | None  # bytes of arguments, results and temporaries together, as XLA plans them


def compiled(work: Work, options: dict[str, Any] | None = None) -> Program:
    """Trace and compile, with `options` of the compiler; the program takes arguments as the work
    has them."""
    leaves, tree = jax.tree.flatten(work.arguments)
    start = time.perf_counter()
    function = lambda leaves: work.function(*jax.tree.unflatten(tree, leaves))  # noqa: E731
    lowered = jax.jit(function, compiler_options=options or None).lower(leaves)
    traced = time.perf_counter()
    program = lowered.compile()
    done = time.perf_counter()
    run = lambda *arguments: program(jax.tree.leaves(arguments))  # noqa: E731
    return Program(run, traced - start, done - traced, planned_memory(program))


def asked_flops(work: Work) -> float:
    """Floating point operations that a program asks for, before XLA rewrites it (two for a
    multiplication with an addition, none for padding)."""
    lowered = jax.jit(work.function).lower(*work.arguments)
    return float(lowered.cost_analysis()["flops"])


def mebibytes(size: int | None) -> float | None:
    """None of None."""
    return None if size is None else size / 2**20


def planned_memory(program: Any) -> int | None:
    """The bytes that XLA plans for a compiled program, None where it does not tell."""
    plan = program.memory_analysis()
    if plan is None:
        return None
    whole = plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes
    return whole - plan.alias_size_in_bytes


def random_like(shapes: Any, scale: Callable[[Any], float] = lambda leaf: 1.0) -> Any:
    """Arrays of these shapes and dtypes: standard normal times `scale(leaf)`, integers 1.

    The values repeat after `POOL` of them, so that a billion takes seconds.
    """
    pool = np.random.default_rng(0).standard_normal(POOL, dtype=np.float32)

    def draw(leaf: Any) -> jax.Array:
        if not jax.dtypes.issubdtype(leaf.dtype, np.floating):
            return jax.device_put(np.ones(leaf.shape, leaf.dtype))
        values = pool[: np.prod(leaf.shape, dtype=int)] * np.float32(scale(leaf))
        return jax.device_put(np.resize(values.astype(leaf.dtype), leaf.shape))

    return jax.tree.map(draw, shapes)


def random_params(shapes: Any) -> Any:
    """`random_like` with the kernels of a network divided by the root of their inputs, which
    keeps activations near 1."""
    return random_like(shapes, lambda leaf: max(1, int(np.prod(leaf.shape[:-1]))) ** -0.5)

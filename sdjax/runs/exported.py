"""The training step as a program for another kind of machine, lowered without one."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from sdjax.runs import build
from sdjax.runs.loop import template
from sdjax.runs.placement import PARTICLES
from sdjax.runs.population import Population
from sdjax.runs.program import program
from sdjax.runs.run import Run
from sdjax.runs.schema import load_config


def export_steps(
    run: Run, steps: int = 1, *, platforms: Sequence[str] = ("tpu",), stage: int = 0
) -> jax.export.Exported:
    """The program of `steps` steps of all particles in a stage, as `train` calls it, for
    `platforms` (of "tpu", "cuda", "cpu") and as many devices as `run` has; `mapping="auto"` means
    "vmap" where none of them is "cpu".  What is chosen by the device at hand stays as it is here:
    attention by cuDNN, which `train` takes on newer GPUs, is left out.

    Its arguments are the leaves of the prior, the conditioning, the first step (int32) and the
    particles, and its results those of the particles and the log.  `mlir_module()` is its text.

    No step is computed, and no such machine is needed: that it can be lowered says that the step
    uses no operation unknown there; its compilation, memory and speed are not tried.
    """
    chosen, run = run.stages[stage], _mapped_for(run, platforms)
    recipe = build.make_recipe(run.config, run.prior, chosen)
    prior = run.placement.place_weights(run.prior.at_resolution(chosen.resolution))
    first = run.placement.place(jnp.int32(chosen.first))
    arguments = prior, run.conditioning, first, _population(run, chosen.last)
    leaves, structure = jax.tree.flatten(arguments)

    @jax.jit
    def of_leaves(*leaves):
        prior, conditioning, first, population = jax.tree.unflatten(structure, leaves)
        some = program(run._replace(conditioning=conditioning), recipe, steps, counts=False)
        compiled = some.compiled.__wrapped__  # without the options of another kind of machine
        return jax.tree.leaves(compiled(*some.arguments(prior, first, population)))

    return jax.export.export(of_leaves, platforms=list(platforms))(*leaves)


def _mapped_for(run: Run, platforms: Sequence[str]) -> Run:
    """With the mapping that "auto" means there, whatever the machine at hand."""
    if run.config.run.mapping != "auto":
        return run
    mapping = "map" if "cpu" in platforms else "vmap"
    return run._replace(config=load_config(run.config, {"run.mapping": mapping}))


def _population(run: Run, step: int) -> Population:
    """The shapes of the particles, and where they lie."""
    shapes, rows = template(run, step), run.placement.rows

    def own(leaf: Any) -> jax.ShapeDtypeStruct:
        return _lying(run, (rows, *leaf.shape[1:]), leaf.dtype, PartitionSpec(PARTICLES))

    def shared(leaf: Any) -> jax.ShapeDtypeStruct:
        return _lying(run, leaf.shape, leaf.dtype, PartitionSpec())

    return Population(
        *jax.tree.map(own, shapes.particles), shared=jax.tree.map(shared, shapes.shared)
    )


def _lying(run: Run, shape: tuple, dtype: Any, spec: PartitionSpec) -> jax.ShapeDtypeStruct:
    sharding = NamedSharding(run.placement.mesh, spec)
    return jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)

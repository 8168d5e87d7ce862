"""The loop of every stage: batches over devices, an optimiser, an average of the parameters."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from sdjax.config.errors import UserError
from sdjax.config.fields import Field, fraction, number, one_of, whole
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.signals import InterruptedRunError, goes_on

Params = Any
Loss = Callable[..., tuple[jax.Array, dict[str, jax.Array]]]  # (params, *batch, key)


class State(NamedTuple):
    """What a checkpoint holds."""

    params: Params
    average: Params  # exponential moving average: what is kept in the end
    optimizer: optax.OptState


class Plan(NamedTuple):
    """How long and how fast; learning rates rise linearly and fall along a cosine to 0."""

    steps: int
    batch: int
    learning_rate: float
    warmup: int
    weight_decay: float
    average: float  # decay of the average, at most (1 + step) / (10 + step)
    clip: float  # of the gradient's norm
    chunk: int  # steps between two reports
    checkpoint_every: int
    optimizer: str = "adamw"


_STAGE = {
    "steps": whole(at_least=0).says("of this stage; 0 leaves it out"),
    "batch": whole(at_least=1).says("pictures of a step"),
    "learning_rate": number(above=0).says("at its highest"),
    "warmup": whole(at_least=0).says("steps until the learning rate is highest"),
    "weight_decay": number(at_least=0).says("of kernels"),
    "average": fraction().says("decay of the average of the parameters, which is what is kept"),
    "clip": number(above=0).says("norm of the gradient at most"),
    "optimizer": one_of("adamw", "muon").of(
        "adamw", "or Muon for kernels, and Adam at a tenth of the learning rate for the rest"
    ),
}
RUN = {
    "chunk": whole(at_least=1).of(20, "steps between two reports"),
    "checkpoint_every": whole(at_least=1).of(500, "steps, or a little more"),
}


def fields_of_stage(**defaults: float | str) -> dict[str, Field]:
    """The fields of a `Plan` that each stage has its own of, with these defaults."""
    given = {name: field for name, field in _STAGE.items() if name in defaults}
    return {**_STAGE, **{name: field.of(defaults[name]) for name, field in given.items()}}


class Report(NamedTuple):
    """What a chunk was like."""

    step: int  # steps done
    terms: dict[str, float]  # means over the chunk
    state: State
    saved: bool


def fit(
    loss: Loss,
    params: Params,
    batches: Callable[[np.random.Generator], tuple[np.ndarray, ...]],
    plan: Plan,
    seed: tuple[int, ...],
    checkpoints: Checkpoints,
    report: Callable[[Report], None],
    asked: Callable[[], int | None] = lambda: None,
    due: Callable[[], bool] = lambda: False,
) -> Params:
    """Minimise the mean of `loss(params, *batch, key)` and return the averaged parameters.

    Every leaf of a batch has `plan.batch` rows, which are divided among as many devices as divide
    them evenly.  Batch and key depend on `seed` and the step only, so that a
    run that is resumed from `checkpoints` goes on as if it had not stopped.  `UserError`
    where the loss is not finite; the checkpoint before that stays.  Once `asked()` is the number of
    a signal it saves after the chunk and raises `InterruptedRunError`; where one is `due()` it
    saves too, besides what the plan says.
    """
    mesh = _mesh(plan.batch)
    optimizer = make_optimizer(plan)
    step_with = partial(_step, loss, optimizer, plan.average)
    step_function = jax.jit(step_with, donate_argnums=0)
    first, state = _resumed(params, optimizer, checkpoints)
    state = jax.device_put(state, NamedSharding(mesh, PartitionSpec()))
    key, terms = jax.random.key(np.random.default_rng(seed).integers(2**31)), []
    for step in range(first, plan.steps):
        batch = batches(np.random.default_rng([*seed, step]))
        batch = jax.device_put(batch, NamedSharding(mesh, PartitionSpec("batch")))
        state, logged = step_function(state, batch, jax.random.fold_in(key, step), step)
        terms.append(logged)
        done = step + 1
        if done % plan.chunk == 0 or done == plan.steps:
            before = done - len(terms)
            planned = done // plan.checkpoint_every > before // plan.checkpoint_every
            planned = planned or done == plan.steps
            number = asked()
            saves = planned or number is not None or due()
            told = _reported(done, terms, state, checkpoints if saves else None)
            report(told._replace(saved=planned and number is None))  # else without a sheet
            if number is not None:
                raise InterruptedRunError(number, goes_on(done, plan.steps))
            terms = []
    return jax.tree.map(np.asarray, state.average)


def make_optimizer(plan: Plan) -> optax.GradientTransformation:
    """That of the plan, of gradients with a norm of at most `plan.clip`; only kernels decay.

    adamw: AdamW (arXiv 1711.05101) with b2 0.99.
    muon: of kernels, momentum made orthogonal (K. Jordan, 2024) and scaled to the size that AdamW's
    steps have, 0.2 of the learning rate (Liu et al., arXiv 2502.16982, eq. 4); all else has Adam
    with Nesterov's momentum at a tenth of it.
    """
    rate = optax.warmup_cosine_decay_schedule(
        0.0, plan.learning_rate, plan.warmup, max(plan.steps, plan.warmup + 1)
    )
    make = {"adamw": _adamw, "muon": _muon}[plan.optimizer]
    return optax.chain(optax.clip_by_global_norm(plan.clip), make(rate, plan.weight_decay))


def _adamw(rate: optax.Schedule, weight_decay: float) -> optax.GradientTransformation:
    decays = lambda params: jax.tree.map(lambda leaf: leaf.ndim > 1, params)  # noqa: E731
    return optax.adamw(rate, b2=0.99, weight_decay=weight_decay, mask=decays)


def _muon(rate: optax.Schedule, weight_decay: float) -> optax.GradientTransformation:
    return optax.contrib.muon(
        rate,
        weight_decay=weight_decay,
        adam_learning_rate=lambda step: 0.1 * rate(step),
        adam_b2=0.99,
        muon_weight_dimension_numbers=_matrices,
        consistent_rms=0.2,
    )


def _matrices(params: Params) -> Any:
    """Of each kernel which axes are the matrix's rows, its inputs, and which its columns."""

    def axes(path, leaf):
        numbers = optax.contrib.MuonDimensionNumbers(tuple(range(leaf.ndim - 1)), (leaf.ndim - 1,))
        return numbers if path[-1].key == "kernel" else None

    return jax.tree.map_with_path(axes, params)


def _step(loss, optimizer, decay, state: State, batch, key, step):
    (value, terms), gradient = jax.value_and_grad(loss, has_aux=True)(state.params, *batch, key)
    updates, moments = optimizer.update(gradient, state.optimizer, state.params)
    params = optax.apply_updates(state.params, updates)
    keeps = jnp.minimum(decay, (1.0 + step) / (10.0 + step))
    average = optax.incremental_update(params, state.average, 1.0 - keeps)
    return State(params, average, moments), {"loss": value, **terms}


def _mesh(batch: int) -> Mesh:
    """As many devices as divide the batch evenly."""
    devices = jax.devices()[: math.gcd(batch, jax.device_count())]
    return jax.make_mesh((len(devices),), ("batch",), (AxisType.Auto,), devices=devices)


def _resumed(params: Params, optimizer, checkpoints: Checkpoints) -> tuple[int, State]:
    copy = jax.tree.map(jnp.array, params)  # the state is donated, and `params` is the caller's
    start = State(copy, jax.tree.map(jnp.array, params), optimizer.init(params))
    return checkpoints.restore_latest(lambda step: start) or (0, start)


def _check_finite(step: int, state: State) -> None:
    """A gradient may be no number where the loss still is one."""
    if not all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(state.params)):
        raise UserError(
            f"a gradient within the steps up to {step} is not finite; a smaller learning_rate may "
            "help, and the last checkpoint is from before that."
        )


def _reported(step: int, terms: list, state: State, checkpoints: Checkpoints | None) -> Report:
    means = {name: float(np.mean([one[name] for one in terms])) for name in terms[0]}
    if not np.isfinite(means["loss"]):
        raise UserError(
            f"the loss is {means['loss']} within the steps up to {step}; a smaller learning_rate "
            "may help, and the last checkpoint is from before that."
        )
    if checkpoints is not None:
        _check_finite(step, state)
        checkpoints.save(step, state)
    return Report(step, means, state, checkpoints is not None)

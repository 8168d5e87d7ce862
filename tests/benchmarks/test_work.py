"""Work with random arguments, and what XLA says of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.benchmarks.flops import asked_flops, flops_of
from sdjax.benchmarks.networks import guided_prediction, with_random_arguments
from sdjax.benchmarks.work import POOL, Work, compiled, random_like, random_params
from tests import reference

pytestmark = pytest.mark.usefixtures("quick_compilation")
TINY = str(reference.FOLDER / "tiny" / "sd1_tiny")
shape = jax.ShapeDtypeStruct


def test_random_values_have_their_shape_dtype_and_size():
    tree = {"a": shape((3, POOL // 2), jnp.bfloat16), "b": shape((4,), jnp.int32)}
    drawn = random_like(tree, lambda leaf: 3.0)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), drawn) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), tree
    )
    assert np.std(np.asarray(drawn["a"], np.float32)) == pytest.approx(3.0, rel=0.01)
    assert (drawn["b"] == 1).all()


def test_kernels_keep_activations_near_one():
    kernel = random_params(shape((3, 3, 50, 1000), jnp.float32))
    assert np.std(kernel) == pytest.approx(450**-0.5, rel=0.01)


def test_a_product_has_two_operations_per_multiplication():
    a, b = shape((30, 40), jnp.float32), shape((40, 50), jnp.float32)
    work = Work(jnp.matmul, (a, b))
    assert asked_flops(work) == 2 * 30 * 40 * 50
    program = compiled(work)
    assert program.planned >= 4 * (30 * 40 + 40 * 50 + 30 * 50)
    assert program.run(*random_like(work.arguments)).shape == (30, 50)


def test_a_guided_prediction_of_a_network_with_random_weights_is_finite():
    work = guided_prediction(TINY, 2, 16, jnp.float32)
    program = compiled(with_random_arguments(work))
    epsilon = program.run(*with_random_arguments(work).arguments)
    assert epsilon.shape == (2, 8, 8, 4)
    assert np.isfinite(epsilon).all() and 0.01 < np.std(epsilon) < 100
    assert flops_of([("prediction", TINY, 2, 16, "float32")])[0] > 1e6 and flops_of([]) == []

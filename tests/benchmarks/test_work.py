"""Work with random arguments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.benchmarks.work import POOL, Work, compiled, random_like, random_params

pytestmark = pytest.mark.usefixtures("quick_compilation")
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


def test_a_compiled_product_is_the_product():
    a, b = shape((30, 40), jnp.float32), shape((40, 50), jnp.float32)
    work = Work(jnp.matmul, (a, b))
    program = compiled(work)
    assert program.planned >= 4 * (30 * 40 + 40 * 50 + 30 * 50)
    arguments = random_like(work.arguments)
    np.testing.assert_allclose(program.run(*arguments), np.matmul(*arguments), atol=1e-3)

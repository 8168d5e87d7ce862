"""The arithmetic that XLA counts."""

import jax
import jax.numpy as jnp
import pytest

from sdjax.benchmarks.flops import asked_flops, flops_of
from sdjax.benchmarks.work import Work
from tests.benchmarks.small import TINY

pytestmark = pytest.mark.usefixtures("quick_compilation")


def test_a_product_has_two_operations_per_multiplication():
    a, b = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((30, 40), (40, 50)))
    assert asked_flops(Work(jnp.matmul, (a, b))) == 2 * 30 * 40 * 50


@pytest.mark.slow
def test_a_batch_of_two_asks_for_twice_the_arithmetic():
    one, two = flops_of([("prediction", TINY, batch, 16, "float32") for batch in (1, 2)])
    assert one > 1e6 and two == pytest.approx(2 * one, rel=0.01)
    assert flops_of([]) == []

"""The arithmetic that XLA counts."""

import jax
import jax.numpy as jnp
import pytest

from sdjax.benchmarks.beside import Beside
from sdjax.benchmarks.flops import Counter, work_of
from sdjax.benchmarks.section import Deadline
from sdjax.benchmarks.work import Work, asked_flops
from tests.benchmarks.small import TINY

CASES = [("prediction", TINY, batch, 16, "float32") for batch in (1, 2)]
pytestmark = pytest.mark.usefixtures("quick_compilation")


def test_a_product_has_two_operations_per_multiplication():
    a, b = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((30, 40), (40, 50)))
    assert asked_flops(Work(jnp.matmul, (a, b))) == 2 * 30 * 40 * 50


@pytest.mark.slow
def test_a_batch_of_two_asks_for_twice_the_arithmetic():
    one, two = [asked_flops(work_of(case)) for case in CASES]
    assert one > 1e6 and two == pytest.approx(2 * one, rel=0.01)


@pytest.mark.slow
def test_a_process_on_the_cpu_counts_the_same_in_any_order():
    with Beside("sdjax.benchmarks.flops", environment={"JAX_PLATFORMS": "cpu"}) as beside:
        counter = Counter(beside, CASES)
        for case in reversed(CASES):
            assert counter.of(case, None, Deadline.after(60.0)) == asked_flops(work_of(case))
        other = ("prediction", TINY, 3, 16, "float32")
        assert counter.of(other, None, Deadline.after(0.1)) is None

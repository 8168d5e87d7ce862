"""The arithmetic that XLA counts."""

import jax
import jax.numpy as jnp
import pytest

from sdjax.benchmarks.beside import Beside
from sdjax.benchmarks.flops import Counted, Counter, count, work_of
from sdjax.benchmarks.section import NEVER, Deadline
from sdjax.benchmarks.work import Work, asked_flops
from tests.benchmarks.small import TINY

CASES = [("prediction", TINY, batch, 16, "bfloat16") for batch in (1, 2)]
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
            assert counter.of(case, Deadline.after(60.0)) == Counted(asked_flops(work_of(case)))
        other = ("prediction", TINY, 3, 16, "bfloat16")
        assert counter.of(other, Deadline.after(60.0)) == Counted(None, "it was not counted")


@pytest.mark.slow
def test_the_padding_of_cpus_in_float32_does_not_count():
    """Nor what a dtype costs besides: both ask for the same."""
    counter = Counter(None, [])
    in_float32 = (*CASES[0][:-1], "float32")
    assert counter.of(in_float32, NEVER) == counter.of(CASES[0], NEVER)


def test_what_cannot_be_counted_has_a_reason_and_is_not_waited_for():
    case = ("prediction", "no such model", 1, 16, "float32")
    told = count({"case": list(case)})
    assert told["flops"] is None and told["why"].startswith("UserError: The model 'no such")

    class Answering(Beside):
        """Of one request."""

        answers = iter([told])

        def __init__(self):
            self.ask = lambda request: None

        def answer(self, deadline, what):
            return next(self.answers)

    counter = Counter(Answering(), [case])
    assert [counter.of(case, NEVER) for _ in range(2)] == [Counted(None, told["why"])] * 2

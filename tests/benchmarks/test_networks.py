"""The networks' work with random weights."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.benchmarks.networks import guided_prediction, with_random_arguments
from sdjax.benchmarks.work import compiled
from tests.benchmarks.small import TINY

pytestmark = pytest.mark.usefixtures("quick_compilation")


@pytest.mark.slow
def test_a_guided_prediction_of_a_network_with_random_weights_is_finite():
    work = guided_prediction(TINY, 2, 16, jnp.float32)
    program = compiled(with_random_arguments(work))
    epsilon = program.run(*with_random_arguments(work).arguments)
    assert epsilon.shape == (2, 8, 8, 4)
    assert np.isfinite(epsilon).all() and 0.01 < np.std(epsilon) < 100

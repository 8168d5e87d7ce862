"""What a network may predict, against diffusers."""

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.prediction import add_noise, predicted_x0, to_epsilon, velocity
from tests import reference

CASES = reference.load("ddim")


def test_forward_noising_matches_diffusers():
    forward, schedule = CASES["forward"], reference.table_schedule()
    x_0, noise, t = map(jnp.asarray, (CASES["inputs"]["x_0"], forward["noise"], forward["t"]))
    reference.assert_matches(add_noise(schedule, x_0, noise, t), forward["noisy"])
    reference.assert_matches(velocity(schedule, x_0, noise, t), forward["velocity"])


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction", "sample"])
def test_prediction_types_name_the_same_noise(prediction_type):
    schedule, t = reference.table_schedule(), jnp.asarray([30, 700])
    x_0, noise = jnp.asarray(CASES["inputs"]["x_0"]), jnp.asarray(CASES["forward"]["noise"])
    x_t = add_noise(schedule, x_0, noise, t)
    output = {
        "epsilon": noise,
        "v_prediction": velocity(schedule, x_0, noise, t),
        "sample": x_0,
    }[prediction_type]
    epsilon = to_epsilon(schedule, prediction_type, output, x_t, t)
    np.testing.assert_allclose(epsilon, noise, atol=2e-5)
    np.testing.assert_allclose(predicted_x0(schedule, x_t, epsilon, t), x_0, atol=2e-4)

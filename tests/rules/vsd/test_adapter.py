"""The loss of VSD's trained network against the recorded numbers of the official codes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.rules.vsd.adapter import adapter_loss
from tests import reference
from tests.reference import assert_matches
from tests.rules.recorded import both_precisions
from tests.rules.vsd.recorded_vsd import CASES, LEARNING, adapted_by, kind_of, samples

pytestmark = pytest.mark.usefixtures("quick_compilation")


@functools.partial(jax.jit, static_argnames=("dtype", "kind"))
def our_loss(arrays, dtype, kind):
    array = lambda name: jnp.asarray(arrays[name], dtype)  # noqa: E731
    latents, noise = (jnp.moveaxis(array(name), 1, -1) for name in ("latents", "lora_noise"))
    return adapter_loss(
        reference.table_schedule(),
        adapted_by(array("emb_phi")),
        latents,
        arrays["lora_t"][0],
        noise,
        array("lora_class_labels"),
        prediction_type=kind,
    )


@both_precisions
@pytest.mark.parametrize("name", LEARNING)
def test_the_loss_of_the_trained_network(name, dtype, x64):
    """Its mean over the recorded batch."""
    losses = [our_loss(arrays, dtype, kind_of(name)) for arrays in samples(CASES[name])]
    assert_matches(np.mean(losses), CASES[name]["loss_lora"], 1e-5)


def test_an_unknown_prediction_is_refused():
    arrays = next(samples(CASES["separate_mid"]))
    with pytest.raises(ValueError, match="is 'sample', expected 'epsilon' or 'v_prediction'"):
        our_loss(arrays, jnp.float32, "sample")

"""The bytes of a run: what is kept is what the arrays have; steps beside XLA's plans are in
tests/benchmarks/test_memory.py."""

import jax
import jax.numpy as jnp
import pytest

from sdjax.networks.parameters import parameter_shapes
from sdjax.runs.bytes_of_run import OF_AN_ENCODER, bins_of_views, bytes_of_training, size
from sdjax.runs.loop import template
from sdjax.runs.run import open_run
from sdjax.runs.schema import load_config
from tests import reference
from tests.networks.components import network, small_vae

LATENT_AND_IMAGE = (16, 16, 4), (128, 128, 3)
CAMERAS = {"seeds": 2, "prior.cameras": 8, "run.devices": 1}
TINY = {
    "seeds": 2,
    "run.devices": 1,
    "prior.weights": str(reference.FOLDER / "tiny" / "sd1_tiny"),
    "prior.image_size": 16,
    "scene.log2_table_size": 8,
}
RUNS = [
    ("embedded_3d:dsd", CAMERAS),
    ("embedded_3d:sdi", CAMERAS),
    ("embedded_2d:fsd", {"seeds": 2, "run.devices": 1}),
    pytest.param("stable_diffusion_3d:dsd_cached", TINY, marks=pytest.mark.slow),
    pytest.param("stable_diffusion_3d:vsd", TINY, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "overrides"), RUNS)
def test_what_is_kept_is_counted_to_the_byte(name, overrides):
    run = open_run(load_config(name, overrides))
    found = bytes_of_training(run.config, run.prior, run.conditioning)
    kept = template(run, run.total_steps)
    assert found.params == size(kept.params) // 2
    assert found.moments == size(kept.optimizer_state) // 2
    assert found.rule_state == size(kept.rule_state) // 2
    assert found.shared == size(kept.shared)
    assert found.weights == size(run.prior)
    assert found.kept(2) == found.weights + size(kept) - size(kept.failure)


def test_what_the_configuration_alone_says_is_the_same_as_far_as_it_goes():
    config = load_config("embedded_3d:dsd", CAMERAS)
    run = open_run(config)
    alone, whole = bytes_of_training(config), bytes_of_training(config, run.prior, run.conditioning)
    assert (alone.weights, alone.shared, alone.encoding) == (None, None, None)
    for name in ("params", "moments", "gradient", "rendering", "views"):
        assert getattr(alone, name) == getattr(whole, name)
    assert alone.kept(2) <= whole.kept(2)


def test_bins_of_views_are_counted_before_a_prior_is_read():
    """64 x 64 x 4 latents: 16 bins of 10 predictions in bfloat16, and 32 of SDI's in float32."""
    cached = load_config("stable_diffusion_3d:dsd_cached")
    assert bins_of_views(cached) == 16 * 10 * 64 * 64 * 4 * 2
    kept = {"rule.noise": "cached", "rule.keep_bins": 32}
    assert bins_of_views(load_config("stable_diffusion_3d:sdi", kept)) == 32 * 64 * 64 * 4 * 4
    assert bins_of_views(load_config("stable_diffusion_3d:dsd")) == 0


def test_a_peak_counts_what_moves_at_once():
    found = bytes_of_training(load_config("demo"))
    step = found.gradient + found.rendering
    assert found.peak(4, 4) == found.kept(4) + 4 * step
    assert found.peak(4, 1) == found.kept(5) + step
    assert found._replace(weights=800).kept(0, weight_shards=4) == 200


def test_nothing_is_computed():
    """Sizes far beyond any memory are counted."""
    edge = 10**6
    config = load_config("demo", {"stages.grid": (edge, edge)})
    assert bytes_of_training(config).params >= 16 * edge**3
    assert size({"a": jax.ShapeDtypeStruct((3, 5), "float16")}) == 30


@pytest.mark.slow
@pytest.mark.parametrize("policy", OF_AN_ENCODER)
def test_an_encoding_takes_what_xla_plans(policy):
    """A quarter of 512 pixels with a 16th of the channels: as much of it is attention's logits."""
    levels = {"down_block_types": ["DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D"]}
    fields = small_vae(
        block_out_channels=[8, 16, 32, 32],
        layers_per_block=2,
        **{name: 4 * kinds for name, kinds in levels.items()},
    )
    autoencoder = network("vae", fields, remat=policy)

    def encoding(params, image, cotangent):
        encode = lambda image: autoencoder.apply({"params": params}, image, method="encode").mean  # noqa: E731
        mean, pull = jax.vjp(encode, image)
        return mean, pull(cotangent)

    pictures = (jax.ShapeDtypeStruct((1, *shape), jnp.float32) for shape in LATENT_AND_IMAGE[::-1])
    planned = jax.jit(encoding).lower(parameter_shapes(autoencoder), *pictures).compile()
    found = planned.memory_analysis().temp_size_in_bytes / (128 * 128 * 8 * 4)
    assert abs(found / OF_AN_ENCODER[policy] - 1.0) < 0.1

"""Stable Diffusion as a prior, on tiny checkpoints, against the recorded PyTorch pipelines."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion.guided import Branches, NetworkPredictor
from sdjax.priors import stable_diffusion
from sdjax.priors.stable_diffusion import Precision
from sdjax.rules.contract import surrogate_loss
from sdjax.rules.sdi import sdi_residual
from sdjax.rules.sds import sds_residual
from sdjax.text.perp_neg import DecayingWeights
from sdjax.text.views import Prompting
from tests import reference
from tests.checkpoints import edit
from tests.priors.pictures import assert_close, draw_picture, front
from tests.reference import channels_last

FLOAT32 = Precision(jnp.float32, jnp.float32)
HALF = Precision(jnp.bfloat16, jnp.bfloat16)
PLAIN = Prompting(view_dependent=False)
INPUTS, E2E = (lambda cases: (cases.pop("inputs"), cases))(reference.load("e2e_tiny_sd1"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("embeddings")


@functools.cache
def load(name, cache, **options):
    """The prior of a recorded checkpoint."""
    options = {"precision": FLOAT32, "prompting": PLAIN} | options
    return stable_diffusion.load(reference.FOLDER / "tiny" / name, cache_dir=cache, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sd1_tiny", "sd2_tiny"])
def test_a_picture_is_that_of_the_pytorch_pipeline(name, cache):
    """Tokenizer, text encoder, ten guided steps of DDIM and decoder, from a prompt to pixels."""
    recorded = reference.load(f"tiny_{name}")["pipeline"]
    prompting = Prompting(str(recorded["negative_prompt"]), view_dependent=False)
    timesteps, states, final, image = draw_picture(
        load(name, cache, prompting=prompting),
        str(recorded["prompt"]),
        channels_last(recorded["latents_init"]),
        int(recorded["num_inference_steps"]),
        float(recorded["guidance_scale"]),
    )
    assert timesteps.tolist() == recorded["timesteps"].tolist()
    assert_close(states[1:], channels_last(recorded["latents_steps"])[:-1])
    assert_close(final, channels_last(recorded["latents_final"]))
    assert_close(image, recorded["image"])


def predictor_of(prior, arrays):
    """The predictor on the embeddings that a case recorded."""
    negatives, weights = (), ()
    if "emb_neg" in arrays:
        negatives = tuple(jnp.moveaxis(arrays["emb_neg"], 1, 0))
        weights = tuple(arrays["neg_weights"].T)
    branches = Branches(arrays["emb_text"], arrays["emb_uncond"], negatives, weights)
    return NetworkPredictor(prior.predict_noise, branches)


def cases(kind):
    return sorted(name for name in E2E if name.startswith(kind))


def samples(name):
    """Each sample of a case, with its image."""
    for i, arrays in enumerate(reference.samples(E2E[name])):
        index = np.ravel(E2E[name]["image_index"])[i]
        yield arrays | {"image": INPUTS["image_bhwc"][index : index + 1]}


def through_the_encoder(residual_of):
    """Latents, residual and the gradient with respect to the image."""

    def run(prior, arrays, image):
        def loss(image):
            latents = prior.encode_with(image, channels_last_of(arrays["vae_noise"]))
            residual = residual_of(prior, arrays, jax.lax.stop_gradient(latents))
            return surrogate_loss(residual.gradient, latents), (latents, residual)

        return jax.grad(loss, has_aux=True)(image)

    return jax.jit(run)


def channels_last_of(array):
    return jnp.moveaxis(array, -3, -1)


@pytest.mark.slow
@pytest.mark.parametrize("name", cases("sds"))
def test_sds_reaches_the_image_as_in_the_official_code(name, cache):
    """The recorded gradient is divided by the batch, of which each sample is one."""
    batch = len(E2E[name]["latents"])
    scale = reference.our_scale(E2E[name])

    @through_the_encoder
    def run(prior, arrays, latents):
        noise = channels_last_of(arrays["noise"])
        predictor = predictor_of(prior, arrays)
        return sds_residual(
            prior.schedule, predictor, latents, arrays["t"][0], noise, guidance_scale=scale
        )

    for arrays in samples(name):
        gradient, (latents, residual) = run(load("sd1_tiny", cache), arrays, arrays["image"])
        assert_close(latents, channels_last(arrays["latents"]))
        assert_close(residual.noisy, channels_last(arrays["latents_noisy"]))
        assert_close(residual.epsilon, channels_last(arrays["noise_pred"]))
        assert_close(residual.gradient, channels_last(arrays["grad_latents"]))
        assert_close(gradient / batch, arrays["grad_f64"])


@pytest.mark.slow
@pytest.mark.parametrize("name", cases("sdi"))
def test_sdi_reaches_the_image_as_in_the_official_code(name, cache):
    """The official loss is a mean over the latents."""
    shift = "emb_neg" not in E2E[name]  # as `our_scale`; the recipe's scales were used
    t = int(E2E[name]["t"])
    last = min(t + int(float(E2E[name]["u_delta"]) * 100), 999)

    @through_the_encoder
    def run(prior, arrays, latents):
        path_noise = channels_last_of(arrays["step_noise"])
        path_noise = jnp.pad(path_noise, [(0, 11 - len(path_noise)), *[(0, 0)] * 4])
        return sdi_residual(
            prior.schedule,
            predictor_of(prior, arrays),
            latents,
            jnp.int32(t),
            jnp.int32(last),
            path_noise,
            guidance_scale=7.5 + shift,
            inversion_guidance_scale=-7.5 + shift,
            inversion_eta=0.3,
        )

    for arrays in samples(name):
        gradient, (latents, residual) = run(load("sd1_tiny", cache), arrays, arrays["image"])
        assert_close(latents, channels_last(arrays["latents"]))
        assert_close(residual.noisy, channels_last(arrays["latents_noisy"]))
        assert_close(residual.target, channels_last(arrays["target"]))
        assert_close(gradient / latents.size, arrays["grad_f64"])


@pytest.mark.slow
def test_prompts_are_seen_from_four_directions(cache):
    """The recorded embeddings are of the four prompts that the official code makes."""
    *seen, negative = map(str, INPUTS["prompts"])
    prior = load("sd1_tiny", cache, prompting=Prompting(negative))
    conditioning = prior.condition(seen[0].removesuffix(", side view"))
    assert_close(conditioning.directions, INPUTS["emb_vd"])
    assert_close(conditioning.unconditional, INPUTS["emb_uncond"][0])


@pytest.mark.parametrize("perp_neg", [None, DecayingWeights()])
def test_one_evaluation_has_all_branches(perp_neg, cache, monkeypatch):
    prior = load("sd1_tiny", cache, prompting=Prompting(perp_neg=perp_neg))
    batches = []
    predict = stable_diffusion.StableDiffusionPrior.predict_noise

    def counted(self, x_t, t, embedding):
        batches.append((len(x_t), len(embedding)))
        return predict(self, x_t, t, embedding)

    monkeypatch.setattr(stable_diffusion.StableDiffusionPrior, "predict_noise", counted)
    predictor = prior.predictor(prior.condition("a mug"), front(views=2))
    jax.eval_shape(lambda x: predictor(x, 500, 7.5), jnp.zeros((2, 8, 8, 4)))
    assert batches == [(8, 8) if perp_neg else (4, 4)]


@pytest.mark.slow
def test_images_of_any_size_have_the_same_latents(cache):
    prior = load("sd1_tiny", cache)
    flat = jnp.broadcast_to(jnp.array([[[[0.2, 0.5, 0.9]]]]), (1, 32, 32, 3))
    sizes = [jax.jit(prior.encode)(flat[:, :n, :n]) for n in (4, 16, 32)]
    assert {latents.shape[1:] for latents in sizes} == {prior.latent_shape(4)} == {(8, 8, 4)}
    for latents in sizes:
        np.testing.assert_allclose(latents, sizes[0], atol=1e-5)
    key = jax.random.key(1)
    assert not np.allclose(prior.encode(flat, key), sizes[0], atol=1e-2)


@pytest.mark.long
def test_half_precision_stays_close(cache):
    exact, half = load("sd1_tiny", cache), load("sd1_tiny", cache, precision=HALF)
    assert all(leaf.dtype == jnp.bfloat16 for leaf in jax.tree.leaves(half.unet_params))
    x = jax.random.normal(jax.random.key(0), (1, 8, 8, 4))
    image = jax.random.uniform(jax.random.key(1), (1, 16, 16, 3))
    results = []
    for prior in (exact, half):
        predictor = prior.predictor(prior.condition("a mug"), front())
        results.append((predictor(x, 300, 2.0), prior.encode(image), prior.decode(x)))
    for wanted, found in zip(*results, strict=True):
        assert found.dtype == jnp.float32
        assert_close(found, np.asarray(wanted), 0.05)


def test_an_inpainting_model_is_refused(copy):
    edit(copy / "unet" / "config.json", in_channels=9)
    with pytest.raises(ValueError, match=r"takes 9 channels .* expected the 4 of the latents"):
        stable_diffusion.load(copy)


def test_another_architecture_is_refused(copy):
    edit(copy / "unet" / "config.json", addition_embed_type="text_time")
    with pytest.raises(ValueError, match="addition_embed_type"):
        stable_diffusion.load(copy)


def test_a_size_that_the_networks_cannot_have(copy):
    with pytest.raises(ValueError, match=r"image_size is 18, expected a multiple of 4 .* is 16\."):
        stable_diffusion.load(copy, image_size=18)


def test_a_damaged_scheduler(copy):
    file = copy / "scheduler" / "scheduler_config.json"
    file.write_text("{")
    with pytest.raises(ValueError, match=r"scheduler_config\.json' is damaged"):
        stable_diffusion.load(copy)
    file.unlink()
    with pytest.raises(ValueError, match="scheduler"):
        stable_diffusion.load(copy)

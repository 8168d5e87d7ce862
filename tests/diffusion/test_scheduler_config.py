"""What a diffusers scheduler says, all of it: read, or named as not supported."""

import json
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.errors import UserError
from sdjax.diffusion.ddim import ddim_sample
from sdjax.diffusion.prediction import add_noise, predicted_x0, to_epsilon, velocity
from sdjax.diffusion.schedule import scaled_linear
from sdjax.diffusion.scheduler_config import from_scheduler_config, read_scheduler
from tests import reference

CONFIG = {
    "_class_name": "DDIMScheduler",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
}
ZERO_SNR = CONFIG | {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}


def test_config_is_read_from_a_dict_a_file_or_a_folder(tmp_path):
    (tmp_path / "scheduler_config.json").write_text(json.dumps(CONFIG))
    for config in (CONFIG, tmp_path, tmp_path / "scheduler_config.json"):
        schedule = from_scheduler_config(config)
        np.testing.assert_array_equal(schedule.alphas_cumprod, scaled_linear().alphas_cumprod)
        assert schedule.final_alpha_cumprod == schedule.alphas_cumprod[0]
    assert from_scheduler_config(CONFIG | {"set_alpha_to_one": True}).final_alpha_cumprod == 1.0


def test_what_is_left_out_is_as_in_diffusers():
    scheduler = read_scheduler({})
    betas = np.linspace(0.0001, 0.02, 1000)
    np.testing.assert_allclose(
        scheduler.schedule.alphas_cumprod, np.cumprod(1.0 - betas), rtol=2e-5
    )
    assert scheduler.schedule.final_alpha_cumprod == 1.0
    assert scheduler[1:] == ("epsilon", "leading")
    pndm = read_scheduler({"_class_name": "PNDMScheduler"}).schedule
    assert pndm.final_alpha_cumprod == pndm.alphas_cumprod[0]


def test_betas_may_be_listed_or_of_a_cosine():
    listed = read_scheduler({"trained_betas": [0.1, 0.2]}).schedule
    np.testing.assert_allclose(listed.alphas_cumprod, [0.9, 0.72], rtol=1e-6)
    cosine = read_scheduler(CONFIG | {"beta_schedule": "squaredcos_cap_v2"}).schedule
    f = lambda u: np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2  # noqa: E731
    expected = f(np.arange(1, 1001) / 1000) / f(0.0)
    np.testing.assert_allclose(cosine.alphas_cumprod[:-1], expected[:-1], rtol=1e-4, atol=1e-7)
    assert cosine.alphas_cumprod[-1] > 0.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prediction_type": "flow_prediction"}, "expected one of 'epsilon', 'v_prediction'"),
        ({"prediction_type": None}, "has prediction_type None"),
        ({"prediction_type": ["epsilon"]}, "has prediction_type"),
        ({"beta_schedule": "sigmoid"}, "expected one of 'linear', 'scaled_linear'"),
        ({"beta_schedule": {}}, "has beta_schedule {}"),
        ({"timestep_spacing": "even"}, "has timestep_spacing 'even'"),
        ({"beta_start": None}, "has beta_start None"),
        ({"beta_start": "0.1"}, "has beta_start '0.1'"),
        ({"beta_start": float("nan")}, "has beta_start nan"),
        ({"beta_end": 1.5}, "beta_end 1.5, expected two ascending numbers between 0 and 1"),
        ({"beta_start": 0.5}, "expected two ascending"),
        ({"num_train_timesteps": 10**12}, "has num_train_timesteps 1000000000000"),
        ({"num_train_timesteps": 0}, "expected a whole number from 2"),
        ({"num_train_timesteps": True}, "expected a whole number"),
        ({"num_train_timesteps": None}, "expected a whole number"),
        ({"trained_betas": [2.0]}, "trained_betas that are not numbers"),
        ({"trained_betas": []}, "trained_betas that are not numbers"),
        (
            {"trained_betas": [0.1, 0.2]},
            "has 2 trained_betas and num_train_timesteps 1000, expected",
        ),
        ({"beta_start": 10**5000}, "beta_start a value too large to show"),
        ({"beta_schedule": 10**5000}, "beta_schedule a value too large to show"),
        (
            {"trained_betas": [0.999] * 50, "num_train_timesteps": 50},
            "nothing of the data is left at timestep",
        ),
        ({"set_alpha_to_one": 0.5}, "expected true or false"),
        ({"rescale_betas_zero_snr": "yes"}, "expected true or false"),
        ({"rescale_betas_zero_snr": True}, "with prediction_type 'epsilon'"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "expected one with betas"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(fields, message):
    with pytest.raises(UserError, match=r"The scheduler_config\.json") as error:
        read_scheduler(CONFIG | fields)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("content", "told"), [(None, "is missing"), ("{", "is damaged"), ("[]", "holds [], expected")]
)
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path, content, told):
    file = tmp_path / "scheduler_config.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=r"scheduler_config\.json'") as error:
        from_scheduler_config(file)
    assert told in str(error.value)


@pytest.mark.parametrize("content", [[], None, "scheduler", 3])
def test_what_is_no_table_is_one_sentence(content):
    with pytest.raises(UserError, match="expected a table of fields"):
        read_scheduler(content)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"steps_offset": 0}, "has steps_offset 0, which is taken as 1"),
        ({"clip_sample": True}, "has clip_sample True, which is taken as False"),
        ({"thresholding": True}, "has thresholding True, which is taken as False"),
        ({"new_thing": 3}, "has the field 'new_thing' (3), which is not known"),
    ],
)
def test_nothing_is_ignored_in_silence(fields, told):
    with pytest.warns(UserWarning) as warned:
        read_scheduler(CONFIG | fields)
    assert told in str(warned[0].message) and len(warned) == 1


def test_files_as_diffusers_writes_them_are_read_in_silence():
    written = {
        "algorithm_type": "dpmsolver++",
        "clip_sample": False,
        "clip_sample_range": 1.0,
        "skip_prk_steps": True,
        "steps_offset": 1,
        "trained_betas": None,
        "use_karras_sigmas": False,
        "brand_new": None,
        "_diffusers_version": "0.35.2",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_scheduler(CONFIG | written)


def test_the_clean_sample_of_v_prediction_survives_zero_snr():
    """At the last timestep x_0 = alpha x_t - sigma v, though it goes through the noise."""
    schedule, kind, _ = read_scheduler(ZERO_SNR)
    rng = np.random.default_rng(0)
    x_0, noise = (jnp.asarray(rng.normal(size=(1, 4, 4, 4)), jnp.float32) for _ in range(2))
    for t in (0, 500, 998, 999):
        x_t = add_noise(schedule, x_0, noise, t)
        epsilon = to_epsilon(schedule, kind, velocity(schedule, x_0, noise, t), x_t, t)
        np.testing.assert_allclose(predicted_x0(schedule, x_t, epsilon, t), x_0, atol=2e-3)
    np.testing.assert_allclose(x_t, noise, atol=2e-3)


def test_ddim_at_zero_snr_is_that_of_the_velocity():
    """In closed form, as diffusers' DDIM has it: x_0 = alpha x - sigma v, with alpha 0 at first."""
    scheduler = read_scheduler(ZERO_SNR)
    exact = reference.load("ddim")["schedule_zero_snr"]["alphas_cumprod"].astype(np.float64)
    assert exact[-1] == 0.0
    velocity_at = lambda x, t: 0.3 * x - 0.2 + t / 2000  # noqa: E731

    def predict(x, t):
        output = velocity_at(x, t)
        return to_epsilon(scheduler.schedule, scheduler.prediction_type, output, x, t)

    x = np.random.default_rng(1).normal(size=(1, 8, 8, 4))
    ours = ddim_sample(predict, scheduler.schedule, jnp.asarray(x, jnp.float32), 4)
    for t, t_next in ((999, 749), (749, 499), (499, 249), (249, -1)):
        after = exact[t_next] if t_next >= 0 else exact[0]
        alpha, sigma, v = np.sqrt(exact[t]), np.sqrt(1.0 - exact[t]), velocity_at(x, t)
        clean, epsilon = alpha * x - sigma * v, sigma * x + alpha * v
        x = np.sqrt(after) * clean + np.sqrt(1.0 - after) * epsilon
    np.testing.assert_allclose(ours, x, atol=1e-3)

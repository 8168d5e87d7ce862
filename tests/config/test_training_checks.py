"""What a training configuration must fulfil beyond the range of each field."""

import pytest

from sdjax.config.errors import UserError
from sdjax.config.loading import load_config
from sdjax.config.training_checks import check_config
from tests.small_runs import CONFIGS


def config_of(name, **overrides):
    fields = {field.replace("__", "."): value for field, value in overrides.items()}
    return load_config(CONFIGS / f"{name}.py", fields)


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("embedded_2d/sds", {"noise__name": "fixed", "rule__guidance_scale": (0, 7.5, 1.0, 300)}),
        ("embedded_2d/sds", {"annealing__t_max": (0, 0.98, 0.5, 300), "gradient__clip": 2.0}),
        ("embedded_2d/asd", {"annealing__t_min": (0.02,)}),  # as a command line gives it
        ("embedded_3d/sds", {"annealing__name": "dreamtime", "noise__name": "surface"}),
        ("stable_diffusion_3d/sdi", {"prior__weights": "x", "losses__sparsity": (1.0,)}),
        ("stable_diffusion_3d/dsd_cached", {"prior__weights": "x"}),
        (
            "stable_diffusion_3d/dsd_cached",
            {"prior__prompts__perp_neg": "off", "rule__ode_bins": None},
        ),
    ],
)
def test_what_changes_in_a_run_may_be_set_from_outside(name, overrides):
    check_config(config_of(name, **overrides))


@pytest.mark.parametrize(
    ("name", "overrides", "sentence"),
    [
        (
            "embedded_2d/sds",
            {"noise__name": "none"},
            "config.noise.name is 'none', expected 'gaussian' or another noise where "
            "config.rule.name is 'sds'.",
        ),
        (
            "embedded_2d/dsd",
            {"noise__name": "fixed"},
            "config.noise.name is 'fixed', expected 'none' where config.rule.name is 'dsd', which "
            "draws no noise.",
        ),
        (
            "embedded_2d/fsd",
            {"noise__name": "surface"},
            "config.noise.name is 'surface', expected 'fixed' or 'world_map' where "
            "config.scene.name is 'image': there is no surface.",
        ),
        (
            "embedded_2d/sds",
            {"annealing__t_min": (0, 0.02, 0.99, 300)},
            "config.annealing.t_min is (0.0, 0.02, 0.99, 300.0), expected at most",
        ),
        (
            "embedded_2d/sds",
            {"annealing__t_min": (300, 0.02, 0.5, 0)},
            "config.annealing.t_min is (300.0, 0.02, 0.5, 0.0), expected a number from 0 to 1, or",
        ),
        (
            "embedded_2d/sds",
            {"gradient__clip": -1.0},
            "config.gradient.clip is -1.0, expected a number above 0",
        ),
        (
            "embedded_3d/dsd",
            {"annealing__t_min": (0, 0.5, 0.02, 400)},
            "config.rule.overshoot is 'proportional', expected 'constant' where the lowest "
            "timestep",
        ),
        (
            "stable_diffusion_3d/cfd",
            {"annealing__steps": (0, 2500, 2500, 25000)},
            "config.annealing.steps is (0, 2500, 2500, 25000) and config.annealing.t is "
            "(0.98, 0.692, 0.404, 0.212), expected ascending steps, and as many of each.",
        ),
        (
            "stable_diffusion_2d/fsd",
            {"prior__weights": "x", "rule__image_weight": 0.1},
            "config.rule.image_weight is 0.1, expected 0 where config.scene.name is 'latents'",
        ),
        (
            "stable_diffusion_3d/dsd",
            {"rule__ode": "cached"},
            "config.rule.ode_bins is None, expected a number such as 16 with Perp-Neg",
        ),
        (
            "stable_diffusion_2d/dsd",
            {"rule__ode": "cached", "rule__ode_bins": 16},
            "config.rule.ode_bins is 16, expected None where a prior tells at most four directions",
        ),
        (
            "stable_diffusion_3d/vsd",
            {"prior": {"name": "embedded"}},
            "config.rule.name is 'vsd', expected 'exact_vsd' where config.prior.name is "
            "'embedded': there is no network to adapt.",
        ),
    ],
)
def test_a_combination_that_cannot_work_is_one_sentence(name, overrides, sentence):
    with pytest.raises(UserError) as caught:
        prior = overrides.pop("prior", None)
        config = config_of(name, **overrides)
        if prior:
            embedded = load_config(CONFIGS / "demo.py").to_dict()
            rule = {key: config.to_dict()[key] for key in ("rule", "noise", "annealing")}
            config = load_config(embedded | rule)
        check_config(config)
    assert str(caught.value).startswith(sentence)

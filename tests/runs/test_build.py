"""From a configuration to what trains: every scene, background, loss, annealing and noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.diffusion import annealing
from sdjax.priors import embedded
from sdjax.rules import RULES, noise
from sdjax.rules.contract import Aux, Rule, Update
from sdjax.rules.noise.surface_noise import Maps
from sdjax.rules.shared import SharedRule
from sdjax.runs import build, loop
from sdjax.runs.checkpoints import Checkpoints
from sdjax.runs.run import open_run
from sdjax.runs.schema import completed, load_config
from sdjax.runs.stages import stages
from sdjax.scene.fields.hash_grid import HashGrid
from sdjax.scene.fields.mlp import MLP
from sdjax.scene.regularisers import REGULARISERS
from tests import tiny
from tests.small_runs import images_config, objects_config

pytestmark = pytest.mark.usefixtures("quick_compilation")
KEY = jax.random.key(0)
at = jnp.float32
ONE_STAGE = {"steps": (2,), "resolution": (8,), "grid": (6,)}
COMMON = {
    "blob_scale": 3.0,
    "blob_radius": 0.6,
    "radius": 1.0,
    "samples": 4,
    "proposals": 4,
    "chunk": None,
    "normal_step": None,
    "shading": {"name": "albedo"},
}
HASH_GRID = {"name": "hash_grid", "levels": 2, "log2_table_size": 6, "progressive": (1, 1, 1)}
NETWORK = {"name": "mlp", "width": 8, "layers": 1}


def config_of(scene, background, losses=0.0):
    table = objects_config().to_dict()
    table |= {
        "stages": ONE_STAGE,
        "scene": COMMON | scene | {"background": background},
        "losses": {"guidance": 1.0} | dict.fromkeys(REGULARISERS, losses),
    }
    return completed(table)


def train(config, folder):
    """The particles before and after, and the logged losses."""
    run, seen = open_run(config), []
    recipe = build.make_recipe(config, run.prior, run.stages[0])
    before = jax.vmap(lambda seed: recipe.scene.init(jax.random.split(jax.random.key(seed), 3)[0]))
    with Checkpoints(folder) as checkpoints:
        after = loop.train(run, checkpoints, on_chunk=seen.append).params
    return recipe.scene, before(run.seeds), after, seen[-1].losses


def assert_all_moved(before, after):
    for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        assert np.isfinite(new).all() and (old.size == 0 or np.any(np.asarray(new) != old))


@pytest.mark.slow
def test_a_hash_grid_before_a_learned_background_with_all_regularisers(tmp_path):
    config = config_of(HASH_GRID, "learned", losses=0.1)
    scene, before, after, losses = train(config, tmp_path)
    assert isinstance(scene.field, HashGrid) and scene.normals and scene.perturbation == 0.01
    assert set(losses) == {"guidance", *REGULARISERS}
    assert all(np.isfinite(values).all() for values in losses.values())
    assert all(np.any(values) for values in losses.values())
    assert_all_moved(before, after)


@pytest.mark.slow
def test_a_network_before_a_random_background(tmp_path):
    scene, before, after, losses = train(config_of(NETWORK, "random"), tmp_path)
    assert isinstance(scene.field, MLP) and not scene.normals and scene.perturbation is None
    assert set(losses) == {"guidance"}
    assert_all_moved(before, after)


@pytest.mark.parametrize(("scale", "objects"), [(1.0, 8), (7.5, 64)])
def test_the_prior_holds_other_objects_only_for_a_guidance_scale(monkeypatch, scale, objects):
    held = []
    record = lambda found, *rest, **options: held.extend(found) or tiny.PRIOR  # noqa: E731
    monkeypatch.setattr(embedded, "build", record)
    build.make_prior(images_config(**{"rule.ode_guidance_scale": scale}))
    assert len(held) == objects


def test_the_prior_is_for_the_highest_resolution_and_the_cameras_of_training():
    config = objects_config()
    prior = build.make_prior(config)
    assert prior.bank.shape[1:3] == (3, 16)
    low, high = config.camera.elevation
    elevations = np.asarray(prior.cameras.elevation)
    assert low < elevations.min() < elevations.max() < high
    assert set(np.asarray(prior.cameras.distance)) == {np.float32(3.2)}


def test_a_recipe_is_that_of_its_stage():
    first, second = stages(objects_config())
    recipe = build.make_recipe(objects_config(), tiny.PRIOR, first)
    assert (recipe.resolution, recipe.noise_resolution, recipe.total_steps) == (8, 16, 10)
    assert recipe.scene.field.resolution == 6
    assert build.make_recipe(objects_config(), tiny.PRIOR, second).scene.field.resolution == 8


def test_losses_that_are_0_are_left_out_and_others_may_change():
    ramp = (0, 1.0, 3.0, 10)
    config = objects_config(**{"losses.opaque": ramp, "losses.guidance": 2.0})
    assert build.used_losses(config) == ["opaque"]
    recipe = build.make_recipe(config, tiny.PRIOR, stages(config)[0])
    ((name, weight, penalty),) = recipe.losses
    assert (name, penalty) == ("opaque", REGULARISERS["opaque"].penalty)
    assert (float(weight(at(0.5))), recipe.guidance_weight) == (2.0, 2.0)


@pytest.fixture
def parts_of(monkeypatch):
    """What a rule gets for a config, in which it stands."""

    def made_of(config, resolution=8):
        seen = []
        kind = RULES[config.rule.name]
        make = lambda parts, **fields: seen.append((parts, fields)) or kind.make(parts, **fields)  # noqa: E731
        monkeypatch.setitem(RULES, kind.name, kind._replace(make=make))
        build.make_rule(config, tiny.PRIOR, resolution)
        return seen[-1]

    return made_of


def sds_of(**tables):
    """SDS in 3D, 400 steps, with some tables."""
    return load_config({**load_config("embedded_3d:sds").to_dict(), **tables})


def test_a_rule_is_made_of_its_fields_and_what_the_run_gives(parts_of):
    config = sds_of(rule={"name": "sds", "guidance_scale": (0, 2.0, 4.0, 400)})
    parts, fields = parts_of(config, resolution=4)
    assert parts.prior is tiny.PRIOR and parts.resolution == 4 and parts.t_min == 0.02
    assert set(fields) == {"guidance_scale", "weighting", "recon_std_rescale"}
    assert callable(fields["weighting"]) and fields["recon_std_rescale"] == 0.0
    assert float(fields["guidance_scale"](at(0.5))) == 3.0


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"name": "uniform", "t_max": 0.9, "t_min": 0.1}, annealing.uniform(0.1, 0.9)),
        ({"name": "linear", "t_max": 0.9, "t_min": 0.1}, annealing.linear(0.9, 0.1)),
        ({"name": "sqrt", "t_max": 0.9, "t_min": 0.1}, annealing.sqrt(0.9, 0.1)),
        ({"name": "cosine", "t_max": 0.9, "t_min": 0.1}, annealing.cosine(0.9, 0.1)),
        ({"name": "dreamtime", "t_max": 0.9, "t_min": 0.1}, annealing.dreamtime(0.9, 0.1)),
    ],
)
def test_an_annealing_is_the_one_that_is_named(parts_of, table, expected):
    ours = parts_of(sds_of(annealing=table))[0].annealing
    for progress in (0.0, 0.3, 1.0):
        assert ours(KEY, at(progress)) == expected(KEY, at(progress))


def test_the_pieces_of_an_annealing_meet_at_their_steps(parts_of):
    table = {"name": "piecewise", "steps": (0, 100, 400), "t": (0.9, 0.5, 0.2)}
    parts, _ = parts_of(sds_of(annealing=table))
    timesteps = [int(parts.annealing(KEY, at(step / 400))) for step in (0, 50, 100, 250, 400)]
    assert timesteps == [900, 700, 500, 350, 200] and parts.t_min is None


def test_a_bound_may_change(parts_of):
    table = {"name": "linear", "t_max": (0, 0.9, 0.5, 400), "t_min": 0.1}
    ours = parts_of(sds_of(annealing=table))[0].annealing
    assert int(ours(KEY, at(0.5))) in (399, 400)  # half way from 0.7 to 0.1


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"name": "gaussian"}, noise.gaussian()),
        ({"name": "offset", "strength": 0.2}, noise.offset_gaussian(0.2)),
        ({"name": "fixed"}, noise.fixed()),
        ({"name": "world_map", "theta": 90.0}, noise.world_map(90.0)),
        ({"name": "surface", "map_texels": 16}, noise.surface(1.0, Maps(16))),
    ],
)
def test_a_noise_is_the_one_that_is_named(parts_of, table, expected):
    ours = parts_of(sds_of(noise=table))[0].noise.init(KEY, (16, 16, 3))
    jax.tree.map(np.testing.assert_array_equal, ours, expected.init(KEY, (16, 16, 3)))


def test_a_rule_that_draws_no_noise_gets_none(parts_of):
    assert parts_of(load_config("demo"))[0].noise is None


def constant(gradient):
    """A rule with this gradient."""

    def update(key, latents, state, predictor, *, progress, view):
        return Update(gradient, state, Aux(jnp.int32(0), latents, latents))

    return Rule(lambda *shape: (), update)


def sharing(gradient):
    """The same of a rule whose particles share something."""
    rule, nothing = constant(gradient), lambda *arguments: ()
    return SharedRule(nothing, lambda shared, everyone: rule, nothing, nothing)


@pytest.mark.parametrize("make", [constant, sharing])
def test_a_gradient_is_clipped_before_it_is_normalised(monkeypatch, make):
    gradient = jnp.asarray([[[[4.0, 0.0, 1.0, 0.0]]]])
    kind = RULES["sds"]._replace(make=lambda parts, **fields: make(gradient))
    monkeypatch.setitem(RULES, "sds", kind)

    def found(**table):
        rule = build.make_rule(sds_of(gradient=table), tiny.PRIOR, 8)
        rule = rule.rule((), None) if isinstance(rule, SharedRule) else rule
        return rule.update(KEY, gradient, (), None, progress=at(0.5), view=None).gradient

    clipped = np.array([2.0, 0.0, 1.0, 0.0])  # half way from 1 to 3
    ramp = (0, 1.0, 3.0, 400)
    np.testing.assert_allclose(found(clip=ramp)[0, 0, 0], clipped, 1e-6)
    both = found(clip=ramp, normalise=True)[0, 0, 0]
    np.testing.assert_allclose(both, clipped / 5**0.5, 1e-6)
    assert found() is gradient

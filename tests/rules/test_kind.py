"""What a rule is to a configuration: its fields, its traits, and what it asks of a prior."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import pytest

from sdjax.config.tables import complete
from sdjax.diffusion.annealing import ANNEALING, from_table
from sdjax.diffusion.guided import NetworkPredictor
from sdjax.rules import RULES
from sdjax.rules.asd import asd
from sdjax.rules.cfd import cfd
from sdjax.rules.consistent3d import consistent3d
from sdjax.rules.contract import View
from sdjax.rules.csd import Scales, csd
from sdjax.rules.dsd import dsd
from sdjax.rules.dsd_star import dsd_star
from sdjax.rules.fsd import fsd
from sdjax.rules.hifa import hifa
from sdjax.rules.ism import ism
from sdjax.rules.kind import Parts, plainly
from sdjax.rules.nfsd import nfsd
from sdjax.rules.noise import NOISES, gaussian
from sdjax.rules.ode import simulated_ode
from sdjax.rules.ode_fields import ODE_FIELDS
from sdjax.rules.ode_start import world_map_start
from sdjax.rules.overshoot import proportional
from sdjax.rules.sdi import sdi
from sdjax.rules.sds import sds
from sdjax.rules.sjc import sjc
from sdjax.rules.vsd.exact import exact_vsd
from sdjax.rules.vsd.learned import vsd
from tests import tiny
from tests.defaults import check_defaults
from tests.rules.rules_table import ENTRIES, make

every_rule = pytest.mark.parametrize("name", RULES)
FUNCTIONS = {
    "sds": sds,
    "sjc": sjc,
    "csd": csd,
    "nfsd": nfsd,
    "hifa": hifa,
    "ism": ism,
    "asd": asd,
    "consistent3d": consistent3d,
    "fsd": fsd,
    "cfd": cfd,
    "vsd": vsd,
    "exact_vsd": exact_vsd,
    "sdi": sdi,
    "dsd": dsd,
    "dsd_star": dsd_star,
}
OWN_FIELDS = {  # that are no arguments of the rule's function
    "csd": {f"{term}_scale" for term in Scales._fields},
    "dsd": {*ODE_FIELDS, "overshoot", "delta"},
    "fsd": {"first_order"},
    "cfd": {"first_order"},
    "sdi": {"keep_bins"},
    "vsd": {"camera_features", "lora_rank", "lora_learning_rate"},
}


def default_of(function, argument):
    return inspect.signature(function).parameters[argument].default


@every_rule
def test_the_defaults_of_its_fields_are_those_of_the_function(name):
    check_defaults(RULES[name].fields, FUNCTIONS[name], own=OWN_FIELDS.get(name, set()))


def test_the_defaults_of_fields_that_are_parts_of_an_argument():
    for term, factor in Scales()._asdict().items():
        assert RULES["csd"].fields[f"{term}_scale"].default == factor
    fields = RULES["dsd"].fields
    assert fields["ode_steps"].default == default_of(simulated_ode, "steps")
    assert fields["delta"].default == default_of(proportional, "ratio")
    assert (fields["ode"].default, fields["overshoot"].default) == ("simulated", "proportional")
    assert fields["ode_at"].default == default_of(simulated_ode, "at")
    assert fields["ode_theta"].default == default_of(world_map_start, "theta")
    features, numbers = RULES["vsd"].fields["camera_features"].read("matrix", 1)
    assert (features, numbers) == (default_of(vsd, "camera_features"), 16)


@every_rule
def test_it_brings_the_annealing_and_the_noise_that_its_function_has_by_default(name):
    kind = RULES[name]
    assert kind.noise in NOISES
    complete(kind.annealing, ANNEALING)  # no field of another annealing, none out of bounds
    noise = inspect.signature(FUNCTIONS[name]).parameters.get("noise")
    draws = noise is not None and "NoiseFunction" in str(noise.annotation)
    assert draws != kind.is_noise_free


def test_traits():
    having = lambda trait: {name for name, kind in RULES.items() if getattr(kind, trait)}  # noqa: E731
    assert having("is_noise_free") == {"sdi", "dsd", "dsd_star"}
    assert having("shares_state") == {"vsd", "exact_vsd"}
    assert having("needs_network") == {"vsd"}
    default = {name: complete({}, kind.fields, "rule.") for name, kind in RULES.items()}
    of_one_image = {name for name, kind in RULES.items() if kind.one_image_because(default[name])}
    assert of_one_image == {"dsd_star"}
    assert having("needs_unconditional") == {"csd", "nfsd", "ism"}


class AskedWithoutPromptError(Exception):
    pass


class OfPrompt(NetworkPredictor):
    """The predictor of a prior that knows the prompt alone."""

    def _embeddings(self, names):
        if {"uncond", "null"} & set(names):
            raise AskedWithoutPromptError
        return super()._embeddings(names)


def of_prompt(predictor):
    exact = tiny.network(predictor)
    return OfPrompt(*(getattr(exact, field.name) for field in dataclasses.fields(exact)))


def gradient(rule, fields, conditioning, look):
    """Of the first entry of a rule, with some other fields."""
    entry = next(entry for entry in ENTRIES.values() if entry.rule == rule)
    made = make(entry._replace(fields={**entry.fields, **fields}), tiny.PRIOR)
    camera, key = tiny.cameras(*(0, 2)[: entry.views]), jax.random.key(0)
    opacity = jnp.ones((entry.views, *tiny.SHAPE[:2], 1))
    predictor_at = lambda camera: look(tiny.PRIOR.predictor(conditioning, camera))  # noqa: E731
    return made.update(
        key,
        jnp.zeros((entry.views, *tiny.SHAPE)),
        made.prepare(made.init(key, tiny.SHAPE), predictor_at),
        predictor_at(camera),
        progress=jnp.float32(0.9),
        view=View(camera, opacity, opacity),
    ).gradient


def evaluates_it(rule, fields) -> bool:
    try:
        jax.eval_shape(lambda: gradient(rule, fields, tiny.CONDITIONING, of_prompt))
    except AskedWithoutPromptError:
        return True
    return False


def depends_on_it(rule, fields) -> bool:
    """Whether it matters what there is without a prompt."""
    other = tiny.CONDITIONING._replace(unconditional=jnp.log(jnp.asarray([0.1, 0.1, 0.8])))
    ours, theirs = (
        gradient(rule, fields, conditioning, lambda predictor: predictor)
        for conditioning in (tiny.CONDITIONING, other)
    )
    return float(jnp.abs(ours - theirs).max() / jnp.abs(ours).max()) > 1e-4


@pytest.mark.slow
@every_rule
def test_it_asks_for_the_unconditional_prediction_as_it_says(name):
    """Where one of its scales is not 1, or whatever they are; else nothing depends on it."""
    kind = RULES[name]
    with_image = {"image_weight": 0.1} if "image_weight" in kind.fields else {}
    ones = with_image | {scale: 1.0 for scale in kind.scales if scale in kind.fields}
    table = complete(ones, kind.fields)
    assert kind.asks_for_unconditional(table) == kind.needs_unconditional
    if kind.needs_unconditional:
        assert evaluates_it(name, ones)
    else:
        assert not evaluates_it(name, ones) or not depends_on_it(name, ones)
    for scale in ones.keys() - with_image.keys():
        assert evaluates_it(name, ones | {scale: 2.0}), scale
        assert kind.asks_for_unconditional(table | {scale: 2.0}), scale


def test_what_depends_on_the_unconditional_prediction_is_found():
    assert depends_on_it("asd", {"guidance_scale": 2.0})


def test_a_scale_that_changes_asks_for_the_unconditional_prediction():
    table = complete({"guidance_scale": (0, 1.0, 1.0, 10)}, RULES["sds"].fields)
    assert RULES["sds"].asks_for_unconditional(table)


def test_a_plain_maker_hands_on_what_there_is():
    """The annealing and the fields by name; noise only where there is any."""
    made = plainly(lambda schedule, **given: (schedule, given))
    annealing, noise = from_table({"name": "sqrt"}), gaussian()
    parts = Parts(tiny.PRIOR, annealing, noise, 8, 0.3, tiny.cameras(0), (0, 45), 1000)
    schedule, given = made(parts, guidance_scale=2.0)
    assert schedule is tiny.PRIOR.schedule
    assert given == {"annealing": annealing, "noise": noise, "guidance_scale": 2.0}
    assert made(parts._replace(noise=None))[1] == {"annealing": annealing}

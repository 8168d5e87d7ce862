"""The list of priors, and what each of them offers besides its predictions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdjax.config.kinds import made
from sdjax.config.tables import complete
from sdjax.objects.prompts import find
from sdjax.priors import PRIOR, PRIOR_OF_RUNS, PRIORS, embedded, stable_diffusion
from sdjax.priors.embedded import bank_cameras, spread
from sdjax.priors.kind import Band, Data, Wanted
from sdjax.priors.prior import NetworkPrior, Prior
from sdjax.text.perp_neg import DecayingWeights
from sdjax.text.views import Prompting
from tests import reference, tiny
from tests.priors.pictures import front

pytestmark = pytest.mark.usefixtures("quick_compilation")

BAND = Band((-10.0, 45.0), 3.2, 40.0)
HEIGHTS = (-10.0, 45.0)


@pytest.fixture(scope="module")
def diffusion(tmp_path_factory):
    """A tiny Stable Diffusion."""
    folder = reference.FOLDER / "tiny" / "sd1_tiny"
    return stable_diffusion.load(folder, cache_dir=tmp_path_factory.mktemp("embeddings"))


@pytest.fixture(params=["embedded", "stable_diffusion"])
def prior(request):
    return tiny.PRIOR if request.param == "embedded" else request.getfixturevalue("diffusion")


@pytest.mark.slow
def test_each_offers_what_a_prior_has_and_those_with_a_network_its_adapter(prior):
    assert isinstance(prior, Prior)
    name = "embedded" if prior is tiny.PRIOR else "stable_diffusion"
    assert isinstance(prior, NetworkPrior) == PRIORS[name].has_network


def test_a_run_has_fields_of_its_own_besides_those_of_every_command():
    """The default is the prior that needs nothing."""
    assert PRIORS.keys() == PRIOR.kinds.keys() == PRIOR_OF_RUNS.kinds.keys()
    assert PRIOR.default == PRIOR_OF_RUNS.default == "embedded"
    for name, kind in PRIORS.items():
        assert not kind.fields.keys() & kind.run_fields.keys()
        assert PRIOR_OF_RUNS.kinds[name].fields == {**kind.fields, **kind.run_fields}
    picture = {"image": "", "mask": None, "aspect": "pad", "image_std": 0.02}
    own = {"data_std": 0.0, "views_together": 1, "image_elevation": 5.0, "image_azimuth": 0.0}
    assert complete({}, PRIOR) == {"name": "embedded", **own, **picture}
    run = {"views": "camera", "cameras": 108, "azimuth": 0.0}
    assert complete({}, PRIOR_OF_RUNS) == {"name": "embedded", **own, **picture, **run}


def test_pictures_are_seen_by_the_first_camera_of_the_bank_or_by_any(diffusion):
    given = front()
    jax.tree.map(np.testing.assert_array_equal, tiny.PRIOR.picture_camera(given), tiny.cameras(0))
    assert diffusion.picture_camera(given) is given


@pytest.mark.slow
def test_the_truth_is_known_of_the_objects_alone(diffusion):
    """Of all that the prompt names, rendered from the given cameras at the given size."""
    cameras = bank_cameras(2, **BAND._asdict())
    truths = tiny.PRIOR.truths("a mug", cameras, 16)
    mugs = find("a mug")
    assert truths.names == tuple(obj.name for obj in mugs)
    bank = embedded.build(mugs, cameras, 16).bank
    assert truths.views.shape == (8, 2, 16, 16, 3)
    np.testing.assert_allclose(truths.views, np.asarray(bank) / 255.0, atol=0.5 / 255 + 1e-6)
    assert diffusion.truths("a mug", cameras, 16) is None


def test_only_data_have_mirror_images(diffusion):
    assert diffusion.mirrored() is diffusion
    assert tiny.PRIOR.mirrored().bank.shape[0] == 2 * tiny.PRIOR.bank.shape[0]


@pytest.mark.slow
def test_bins_of_stable_diffusion_are_those_of_its_prompts(diffusion):
    """Front, back, side and top; a turn away from the front with Perp-Neg; one without views."""
    seen = diffusion.view_bins(None, HEIGHTS).bin_of(front()._replace(azimuth=jnp.asarray([100.0])))
    assert int(seen[0]) == 0
    with_bins = {
        Prompting(): (None, 4),
        Prompting(view_dependent=False): (None, 1),
        Prompting(perp_neg=DecayingWeights()): (16, 17),
    }
    for prompting, (number, expected) in with_bins.items():
        bins = diffusion.replace(prompting=prompting).view_bins(number, HEIGHTS)
        assert len(bins.cameras.azimuth) == expected


def test_bins_of_a_bank_are_its_cameras_or_as_many_as_asked_for_spread_as_those():
    prior = tiny.PRIOR.replace(band=BAND)
    jax.tree.map(
        np.testing.assert_array_equal, prior.view_bins(None, HEIGHTS).cameras, prior.cameras
    )
    expected = spread(9, BAND)
    jax.tree.map(np.testing.assert_array_equal, prior.view_bins(9, HEIGHTS).cameras, expected)


def make_embedded(wanted: Wanted, **table):
    return made(
        PRIOR_OF_RUNS.kinds, complete({"name": "embedded", **table}, PRIOR_OF_RUNS), wanted=wanted
    )


def test_an_embedded_prior_knows_the_objects_of_the_prompt_or_all(monkeypatch):
    """All where the prediction without a prompt is asked for, from cameras of the band."""
    built = []
    monkeypatch.setattr(
        embedded, "render_views", lambda *given: built.append(given) or jnp.zeros(0)
    )
    wanted = Wanted("a mug", 8, BAND, unconditional=False)
    narrow = make_embedded(wanted, cameras=5, azimuth=30.0, views="direction", data_std=0.1)
    everything = make_embedded(wanted._replace(unconditional=True))
    assert (len(narrow.names), len(everything.names)) == (8, 64)
    assert (narrow.views, narrow.data_std, narrow.band) == ("direction", 0.1, BAND)
    assert narrow.cameras.azimuth[0] == 30.0 and len(everything.cameras.azimuth) == 108
    assert [size for _, _, size in built] == [8, 8]
    looking = make_embedded(wanted._replace(looking=tiny.CAMERAS))
    jax.tree.map(np.testing.assert_array_equal, looking.cameras, tiny.CAMERAS)


def test_a_prior_of_given_pictures_is_made_of_them():
    images = np.asarray(tiny.PRIOR.bank, np.float32) / 255
    data = Data(tiny.PRIOR.names, images)
    found = make_embedded(Wanted("", None, tiny.cameras(0), data=data), data_std=0.2)
    np.testing.assert_array_equal(
        found.bank[:, 0], np.asarray(tiny.PRIOR.bank).reshape(-1, 8, 8, 3)
    )
    assert found.data_std == 0.2


def make_diffusion(resolution, choice=PRIOR, **table):
    folder = str(reference.FOLDER / "tiny" / "sd1_tiny")
    table = complete({"name": "stable_diffusion", "weights": folder, **table}, choice)
    return made(choice.kinds, table, wanted=Wanted("a mug", resolution, None))


@pytest.mark.slow
def test_stable_diffusion_is_loaded_as_its_fields_say():
    found = make_diffusion(16, prompts={"negative": "blurry"}, autoencoder_dtype="bfloat16")
    assert found.prompting == Prompting("blurry")
    dtypes = [
        {leaf.dtype for leaf in jax.tree.leaves(p)}
        for p in (found.unet_params, found.autoencoder_params)
    ]
    assert dtypes == [{jnp.dtype("bfloat16")}] * 2
    assert found.image_size == 16


@pytest.mark.slow
def test_a_run_chooses_the_size_that_the_autoencoder_sees():
    """Not that of its renderings: those are resized."""
    own = make_diffusion(None).image_size
    assert make_diffusion(4, PRIOR_OF_RUNS).image_size == own
    assert make_diffusion(4, PRIOR_OF_RUNS, image_size=32).image_size == 32

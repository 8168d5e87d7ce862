"""Banks and fresh pictures: the generator says everything, latents are those of the pictures."""

import numpy as np
import pytest

from sdjax.objects.prompts import find
from sdjax.prior_training import sources
from sdjax.prior_training.captions import Odds
from sdjax.prior_training.sources import Bank, Fresh, Renderings, fresh, rendered

pytestmark = pytest.mark.usefixtures("quick_compilation")
SILENT = Odds(1.0, 1.0, 1.0, 1.0, 0.0, 0.0)
RENDERINGS = Renderings(find("a mug"), 8, odds=SILENT)
AT_ONCE, NUMBER = 16, 20


@pytest.fixture(scope="module", autouse=True)
def few_at_once():
    """A number that is quickly rendered; tests ask for more than that, and no multiple."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_AT_ONCE", AT_ONCE)
        yield


def batch_of(source, seed=0, size=5):
    return source.batch(np.random.default_rng(seed), size)


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def bank(told):
    return rendered(RENDERINGS, NUMBER, (0, 1), told.append)


@pytest.fixture(scope="module")
def made(bank):
    return {"bank": bank, "fresh": fresh(RENDERINGS)}


def numbered(number):
    """Pictures of one colour, which is their index, and captions that say it."""
    values = np.arange(number, dtype=np.uint8)[:, None, None, None] * np.ones((2, 2, 3), np.uint8)
    return Bank(values, lambda generator, index: f"{index} {generator.integers(1000)}")


def first(pictures):
    """As an encoder: a number per picture."""
    return np.float32(pictures[:, :1, :1, :1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bank", "fresh"])
def test_a_batch_depends_on_the_generator_alone(made, kind):
    one, again, other = (batch_of(made[kind], seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.values, again.values)
    assert one.captions == again.captions
    assert one.captions != other.captions and not np.array_equal(one.values, other.values)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bank", "fresh"])
def test_a_batch_has_its_size(made, kind):
    batch = batch_of(made[kind])
    assert batch.values.shape == (5, 8, 8, 3) and batch.values.dtype == np.uint8
    assert len(batch.captions) == 5 and all(" mug, " in caption for caption in batch.captions)


def test_a_rendered_bank_has_its_number_and_tells_how_far_it_is(bank, told):
    assert bank.values.shape == (NUMBER, 8, 8, 3)
    assert told == [AT_ONCE, NUMBER]
    assert len(np.unique(bank.values, axis=0)) == NUMBER


def test_the_first_pictures_do_not_depend_on_how_many_follow(bank):
    few = rendered(RENDERINGS, 3, (0, 1))
    np.testing.assert_array_equal(few.values, bank.values[:3])
    again, before = (source.caption(np.random.default_rng(0), 2) for source in (few, bank))
    assert again == before
    assert not np.array_equal(rendered(RENDERINGS, 3, (0, 2)).values, few.values)


def test_captions_belong_to_their_pictures(monkeypatch):
    """In the parts after the first too."""
    monkeypatch.setattr(sources, "_AT_ONCE", 4)
    monkeypatch.setattr(sources, "take_pictures", azimuths)
    bank = rendered(RENDERINGS, 10, (0, 1))
    for index in range(10):
        said = bank.caption(np.random.default_rng(0), index).rsplit(", ")[1]
        assert said == f"{named(*bank.values[index, 0, 0])} view"


def azimuths(scenes, resolution):
    """In place of a picture: where the camera is, as far as words tell."""
    quarter = np.asarray((scenes.cameras.azimuth + 45) % 360 // 90, np.uint8)
    high = np.asarray(scenes.cameras.elevation > 45.0, np.uint8)
    return np.stack([quarter, high], -1)[:, None, None]


def named(quarter, high):
    return "overhead" if high else ("front", "side", "back", "side")[quarter]


def test_captions_are_drawn_anew(bank):
    varied = rendered(RENDERINGS._replace(odds=Odds()), 2, (0, 1))
    generator = np.random.default_rng(0)
    assert len({varied.caption(generator, 0) for _ in range(30)}) > 3


def test_a_batch_is_drawn_with_replacement_and_its_captions_fit():
    batch = batch_of(numbered(10), size=200)
    shown = batch.values[:, 0, 0, 0]
    assert [int(caption.split()[0]) for caption in batch.captions] == shown.tolist()
    assert set(shown.tolist()) == set(range(10))


@pytest.mark.parametrize("number", [1, 3, 4, 9])
def test_a_bank_is_encoded_in_equal_calls(monkeypatch, number):
    """So that nothing is compiled twice; the rest of the last call is thrown away."""
    monkeypatch.setattr(sources, "_AT_ONCE", 4)
    sizes = []

    def encode(pictures):
        sizes.append(len(pictures))
        return 2.0 * first(pictures)

    encoded = numbered(number).encoded(encode)
    assert set(sizes) == {4} and len(sizes) == -(-number // 4)
    np.testing.assert_array_equal(encoded.values.ravel(), 2.0 * np.arange(number))
    assert encoded.values.dtype == np.float32


def test_encoding_changes_neither_the_draw_nor_the_captions():
    plain, latent = batch_of(numbered(9)), batch_of(numbered(9).encoded(first))
    np.testing.assert_array_equal(latent.values, first(plain.values))
    assert latent.captions == plain.captions


def test_fresh_pictures_are_encoded_batch_by_batch():
    source = Fresh(lambda generator, size: numbered(9).batch(generator, size))
    plain, latent = batch_of(source), batch_of(source.encoded(first))
    np.testing.assert_array_equal(latent.values, first(plain.values))
    assert latent.captions == plain.captions

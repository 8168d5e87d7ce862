"""A user's own scenes: four pictures of an object, and a sentence for what is none."""

import json

import numpy as np
import pytest
from PIL import Image

from sdjax.config.errors import UserError
from sdjax.prior_training.multiview_folders import user_scenes
from sdjax.prior_training.multiview_sources import camera_numbers, draw_rigs
from sdjax.prior_training.scenes import Framing

LEVEL = Framing(elevation=(10.0, 10.0))


def row(name, azimuth, **fields):
    about = {"object": "mug", "azimuth": azimuth, "elevation": 10.0, "text": f"a mug {name}"}
    return {"file_name": f"{name}.png", **about, **fields}


RIG = [row("a", 200.0), row("b", 20.0), row("c", -70.0), row("d", 110.0)]


def write(folder, rows):
    for index, one in enumerate(rows):
        Image.new("RGB", (4, 4), (10 * index, 0, 0)).save(folder / one["file_name"])
    (folder / "metadata.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder


def test_four_even_azimuths_are_a_scene(tmp_path):
    bank = user_scenes(write(tmp_path, RIG), 2, 0.0)
    assert bank.values[0, :, 0, 0, 0].tolist() == [0, 20, 10, 30]  # 200, 290, 380, 470
    rig = draw_rigs(LEVEL, np.random.default_rng(0), 1)
    rig = rig._replace(azimuth=np.float32([[200.0, 290.0, 20.0, 110.0]]))
    np.testing.assert_allclose(bank.cameras, camera_numbers(rig), atol=1e-5)


def test_the_caption_is_one_of_the_scenes(tmp_path):
    bank, generator = user_scenes(write(tmp_path, RIG), 2, 0.25), np.random.default_rng(0)
    said = [bank.caption(generator, 0) for _ in range(400)]
    assert set(said) == {"", "a mug a", "a mug b", "a mug c", "a mug d"}
    assert said.count("") / 400 == pytest.approx(0.25, abs=0.08)


def test_an_object_may_have_several_scenes_and_there_may_be_several_objects(tmp_path):
    above = [row(f"{one['file_name'][0]}2", one["azimuth"], elevation=40.0) for one in RIG]
    other = [row(f"{one['file_name'][0]}3", one["azimuth"] + 0.9, object="car") for one in RIG]
    bank = user_scenes(write(tmp_path, [*RIG, *above, *other]), 2, 0.0)
    assert bank.values.shape[:2] == (3, 4)
    reds = np.sort(bank.values[:, :, 0, 0, 0], axis=1).tolist()
    assert sorted(reds) == [[0, 10, 20, 30], [40, 50, 60, 70], [80, 90, 100, 110]]


def but(index, **fields):
    return [{**one, **fields} if i == index else one for i, one in enumerate(RIG)]


ALONE = r"'mug' is seen from azimuth 200 at elevation 10 and not from azimuth {} beside it, expec"
BAD = [
    (RIG[:3], "The object 'mug' in .* has 3 views, expected at least 4"),
    (but(1, azimuth=25.0), ALONE.format(20)),
    (but(2, elevation=12.0), ALONE.format(290)),
    (but(3, distance=3.3), ALONE.format(110)),
    (but(3, fovy=50), ALONE.format(110)),
    ([*RIG, row("e", 45.0)], "is seen from azimuth 45 .* not from azimuth 135"),
    ([*RIG, row("e", 20.0)], "is seen from azimuth 20 .* not from azimuth 110"),
    ([{k: v for k, v in one.items() if k != "text"} for one in RIG], "has no text"),
]


@pytest.mark.parametrize(("rows", "sentence"), BAD)
def test_what_is_no_scene_is_one_sentence(tmp_path, rows, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        user_scenes(write(tmp_path, rows), 2, 0.0)
    assert "\n" not in str(caught.value)

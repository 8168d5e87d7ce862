"""The reader of users' pictures; every kind of file is in tests/prior_training."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from sdjax.config.errors import UserError
from sdjax.files.pictures import read_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 4), np.uint8)
EXPECTED = "a picture"


def saved(path, pixels=PIXELS, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def frames(path):
    pictures = [Image.fromarray(PIXELS[::step]) for step in (1, -1)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    return path


@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (4, "RGBA")])
def test_colours_are_not_premultiplied(tmp_path, channels, mode):
    picture = read_picture(saved(tmp_path / "a.png", PIXELS[..., :channels]), EXPECTED)
    assert picture.mode == mode
    np.testing.assert_array_equal(picture, PIXELS[..., :channels])


def test_what_is_cut_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.png", np.rot90(PIXELS).copy(), exif=exif)
    picture = read_picture(path, EXPECTED, cut=lambda upright: upright.crop((0, 0, 8, 2)))
    np.testing.assert_array_equal(picture, PIXELS[:2])


def test_a_profile_leaves_transparency_alone(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = np.asarray(read_picture(saved(tmp_path / "a.png", icc_profile=profile), EXPECTED))
    np.testing.assert_array_equal(picture[..., 3], PIXELS[..., 3])
    np.testing.assert_allclose(picture, PIXELS, atol=1)


def test_the_first_of_several_frames_with_a_warning(tmp_path):
    with pytest.warns(UserWarning, match="has 2 frames; the first is taken"):
        picture = read_picture(frames(tmp_path / "a.png"), EXPECTED)
    np.testing.assert_array_equal(picture, PIXELS)


def test_several_frames_are_refused_where_one_is_wanted(tmp_path):
    with pytest.raises(UserError, match="has 2 frames, expected a picture of one"):
        read_picture(frames(tmp_path / "a.png"), EXPECTED, animated=False)


def test_what_is_no_file_is_refused_in_the_caller_s_words(tmp_path):
    with pytest.raises(UserError, match="is missing, expected a picture"):
        read_picture(tmp_path / "a.png", EXPECTED)
    with pytest.raises(UserError, match="is a folder, expected a picture"):
        read_picture(tmp_path, EXPECTED)

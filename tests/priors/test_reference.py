"""Pictures of one object: the official loading's numbers, and one sentence for each bad input."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from sdjax.cameras import Camera, front_camera, turntable
from sdjax.config.errors import UserError
from sdjax.priors.band import Band
from sdjax.priors.reference import IMAGE, read_reference, reference_camera
from sdjax.priors.reference_picture import resized
from tests import reference

CASES = {
    name: arrays
    for name, arrays in reference.load("multiview/zero123/conventions").items()
    if name.startswith("image_")
}
NETWORK = 256  # pixels along an edge of the official pictures


def read(path, mask=None, size=NETWORK, **options):
    return read_reference(path, mask, size=size, camera=front_camera(), **options)


def saved(path, pixels, mode=None):
    Image.fromarray(np.asarray(pixels), mode).save(path)
    return path


def cut_out(height=96, width=96, box=(24, 72, 20, 70), colour=(200, 40, 10)):
    """RGBA of a box (top, bottom, left, right) of one colour in transparent green."""
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 1] = 255
    top, bottom, left, right = box
    pixels[top:bottom, left:right] = (*colour, 255)
    return pixels


@pytest.mark.parametrize("name", CASES)
def test_recorded_loading(tmp_path, name):
    arrays = CASES[name]
    path = saved(tmp_path / "object.png", arrays["rgba_u8"])
    seen = read(path, aspect="squeeze")
    recorded = reference.channels_last(arrays["rgb_256_every8"])[0]
    stride = NETWORK // len(recorded)
    deviation = np.abs(seen.image[::stride, ::stride] - recorded)
    if arrays["rgba_u8"].shape[:2] == (NETWORK, NETWORK):
        assert deviation.max() <= 1e-6
    else:  # a mean halfway between two of 255 may be rounded either way, of colour and coverage
        assert np.mean(deviation > 1e-6) <= 0.01 and deviation.max() <= 2.01 / 255
    if "rgba_resized_u8" in arrays:
        found = resized(arrays["rgba_u8"], NETWORK).astype(int)
        assert np.abs(found - arrays["rgba_resized_u8"]).max() <= 1
    alpha = arrays.get("rgba_resized_u8", arrays["rgba_u8"])[..., 3:]
    np.testing.assert_allclose(seen.mask, alpha / 255.0, atol=1.01 / 255)


@pytest.mark.parametrize("size", [24, 96, 130])
def test_before_white_at_every_size(tmp_path, size):
    path = saved(tmp_path / "object.png", cut_out())
    seen = read(path, size=size)
    assert seen.image.shape == (size, size, 3) and seen.mask.shape == (size, size, 1)
    assert seen.image.dtype == seen.mask.dtype == jnp.float32
    middle, corner = size // 2, 0
    np.testing.assert_allclose(seen.image[middle, middle], np.array([200, 40, 10]) / 255, atol=1e-6)
    np.testing.assert_array_equal(seen.image[corner, corner], [1, 1, 1])
    assert seen.mask[middle, middle] == 1 and seen.mask[corner, corner] == 0
    np.testing.assert_allclose(np.mean(seen.mask), 48 * 50 / 96**2, atol=0.01)


def test_padding_keeps_the_object_s_shape_and_squeezing_does_not(tmp_path):
    path = saved(tmp_path / "wide.png", cut_out(64, 128, (16, 48, 48, 80)))  # a square object
    for aspect, expected in (("pad", (64, 64)), ("squeeze", (64, 128))):
        covered = np.asarray(read(path, size=256, aspect=aspect).mask[..., 0]) > 0.5
        rows, columns = (np.flatnonzero(covered.any(axis)) for axis in (0, 1))
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == expected
        for places in (rows, columns):  # in the middle
            assert places[0] + places[-1] == 255


def test_padding_is_the_default(tmp_path):
    path = saved(tmp_path / "wide.png", cut_out(64, 128, (16, 48, 48, 80)))
    np.testing.assert_array_equal(read(path).image, read(path, aspect="pad").image)


def test_means_over_areas():
    """By hand: 5 pixels in 2 are 2.5 each, the middle one half to each side; in 3, 5/3 each."""
    row = np.uint8([0, 10, 100, 50, 200]).reshape(1, 5, 1)
    found = resized(np.repeat(row, 5, axis=0), 2)
    np.testing.assert_array_equal(found[..., 0], [[24, 120]] * 2)
    column = np.repeat(row.swapaxes(0, 1), 3, axis=1)
    np.testing.assert_array_equal(resized(column, 3)[..., 0].T, [[4, 72, 140]] * 3)
    same = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    np.testing.assert_array_equal(resized(same, 8), same)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_a_mask_of_any_mode_cuts_out_what_transparency_would(tmp_path, mode):
    whole = cut_out()
    white = whole[..., 3]
    if mode == "I;16":
        mask = Image.fromarray(white.astype(np.uint16) * 257)
    else:
        mask = Image.fromarray(white).convert(mode)
    mask.save(tmp_path / "mask.png")
    photo = saved(tmp_path / "photo.png", whole[..., :3])
    expected = read(saved(tmp_path / "object.png", whole))
    found = read(photo, tmp_path / "mask.png")
    np.testing.assert_array_equal(found.image, expected.image)
    np.testing.assert_array_equal(found.mask, expected.mask)


def test_a_mask_and_transparency_must_agree(tmp_path):
    path = saved(tmp_path / "object.png", cut_out())
    upper = np.zeros((96, 96), np.uint8)
    upper[:48] = 255
    seen = read(path, saved(tmp_path / "mask.png", upper), size=96)
    assert np.mean(seen.mask) == np.float32(24 * 50 / 96**2)


def test_upright_as_the_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.fromarray(np.rot90(cut_out(box=(10, 30, 20, 70))))
    picture.save(tmp_path / "turned.png", exif=exif)
    expected = read(saved(tmp_path / "upright.png", cut_out(box=(10, 30, 20, 70))))
    np.testing.assert_array_equal(read(tmp_path / "turned.png").image, expected.image)


def test_a_photo_of_16_bits_or_shades_of_grey(tmp_path):
    whole = cut_out(colour=(90, 90, 90))
    expected = read(saved(tmp_path / "object.png", whole), size=96)
    mask = saved(tmp_path / "mask.png", whole[..., 3])
    grey = np.full((96, 96), 90, np.uint8)
    for name, pixels in (("grey", grey), ("deep", grey.astype(np.uint16) * 257)):
        found = read(saved(tmp_path / f"{name}.png", pixels), mask, size=96)
        np.testing.assert_array_equal(found.image, expected.image)


def test_colours_under_transparency_are_not_seen_at_its_own_size(tmp_path):
    """The box stands in transparent green."""
    seen = read(saved(tmp_path / "object.png", cut_out()), size=96)
    outside = np.asarray(seen.mask[..., 0]) == 0
    assert outside.mean() > 0.5
    np.testing.assert_array_equal(np.asarray(seen.image)[outside], 1.0)


def opaque(path):
    return saved(path, np.full((64, 64, 3), 90, np.uint8))


def filled(value):
    pixels = cut_out()
    pixels[..., 3] = value
    return pixels


def two_frames(path):
    frames = [Image.fromarray(cut_out(colour=(i, 0, 0))) for i in (9, 99)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    return path


BAD = {
    "no file": (lambda path: path, "is missing, expected a picture: PNG, JPEG"),
    "a folder": (lambda path: path.parent, "is a folder, expected a picture: PNG"),
    "no picture": (
        lambda path: (path.write_text("red"), path)[1],
        "cannot be read as a picture",
    ),
    "no transparency": (opaque, "neither transparency nor a mask.*`rembg i in.png out.png`"),
    "opaque": (lambda path: saved(path, filled(255)), "is opaque everywhere.*`rembg"),
    "transparent": (lambda path: saved(path, filled(0)), "is transparent everywhere"),
    "too high": (
        lambda path: saved(path, cut_out(box=(1, 95, 20, 70))),
        "fills 97.9 % of the picture and touches 0 of its edges, expected at most 95 %",
    ),
    "at two edges": (
        lambda path: saved(path, cut_out(box=(0, 40, 0, 70))),
        "fills 72.9 % .* touches 2 of its edges.*enlarge the canvas",
    ),
    "tiny": (
        lambda path: saved(path, cut_out(48, 31, (8, 24, 8, 24))),
        "is 31 x 48 pixels large, expected at least 32 along each edge",
    ),
    "animated": (two_frames, "has 2 frames, expected a picture of one"),
}


def refused(sentence, *arguments, **options):
    with pytest.raises(UserError, match=sentence) as caught:
        read(*arguments, **options)
    said = str(caught.value)
    assert said.endswith((".", "?")) and "\n" not in said


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures(tmp_path, name):
    make, sentence = BAD[name]
    refused(sentence, make(tmp_path / "picture.png"))


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (np.full((96, 95), 255, np.uint8), "is 95 x 96 pixels large, expected 96 x 96 as"),
        (np.full((96, 96), 255, np.uint8), "is white everywhere, expected white where"),
        (np.zeros((96, 96), np.uint8), "is black everywhere, expected white where"),
    ],
)
def test_bad_masks(tmp_path, mask, sentence):
    photo = saved(tmp_path / "photo.png", cut_out()[..., :3])
    refused(sentence, photo, saved(tmp_path / "mask.png", mask))


def test_a_mask_that_is_missing(tmp_path):
    photo = saved(tmp_path / "photo.png", cut_out()[..., :3])
    refused("mask.png' is missing, expected a picture", photo, tmp_path / "mask.png")


def test_another_aspect_is_refused(tmp_path):
    refused("'pads', expected one of pad, squeeze; did you mean 'pad'", tmp_path, aspect="pads")


def test_an_object_at_one_edge_stands_on_it(tmp_path):
    """A picture that was cut under the object: nothing of it need be missing."""
    seen = read(saved(tmp_path / "object.png", cut_out(box=(40, 96, 20, 70))))
    assert seen.mask[-1].any()


def test_the_fields_bound_the_elevation():
    elevation = IMAGE["image_elevation"]
    assert elevation.accepts(90) and elevation.accepts(-90.0) and not elevation.accepts(90.5)
    assert elevation.expected == "a number from -90 to 90"


TABLE = {"image_elevation": 5.0, "image_azimuth": -30.0}


@pytest.mark.parametrize(
    ("looking", "lens"),
    [
        (Band((0.0, 45.0), 3.8, 20.0), (3.8, 20.0)),
        (turntable(3, 10.0, 2.5, 49.1), (2.5, 49.1)),
        (Camera(*(jnp.float32(value) for value in (9.0, 8.0, 2.0, 30.0))), (2.0, 30.0)),
        (None, (1.0, 45.0)),
    ],
)
def test_the_camera_of_a_picture(looking, lens):
    camera = reference_camera(TABLE, looking)
    np.testing.assert_allclose(np.stack(camera[:4])[:, 0], [-30.0, 5.0, *lens], rtol=1e-6)
    assert camera.perturbation is None and camera.azimuth.shape == (1,)

"""Pictures as cameras and programs write them: as people see them, or refused by name."""

import os
import shutil
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from sdjax.config.errors import UserError
from sdjax.prior_training.picture_files import square_picture

DATA = Path(__file__).parents[1] / "data" / "pictures"
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
RAMP = np.tile(np.uint16([0, 20000, 40000, 65535]), (4, 1))
SEEN = [0, 78, 156, 255]  # of the ramp


def chunk(name, content):
    crc = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)


def write_png(path, values, kind, hidden=b"", size=None):
    """16 bits a channel; kind: 0 grey, 2 RGB, 4 grey with alpha, 6 RGBA."""
    height, width = size or values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    transparency = chunk(b"tRNS", hidden) if hidden else b""
    body = chunk(b"IHDR", header) + transparency + chunk(b"IDAT", zlib.compress(rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b""))


def first_row(path):
    return square_picture(path, 4)[0].tolist()


def greys(*values):
    return [[value] * 3 for value in values]


def assert_close(path, colour, within):
    assert np.abs(square_picture(path, 4).astype(int) - colour).max() <= within


def refused(path, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        square_picture(path, 4)
    said = str(caught.value)
    assert str(path) in said and said.endswith(".") and "\n" not in said


def test_upright_as_the_camera_says():
    values = square_picture(DATA / "exif_orientation_6.jpg", 8).astype(int)
    assert np.abs(values[:3] - RED).max() < 60 and np.abs(values[-3:] - BLUE).max() < 60


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_in_every_format(tmp_path, suffix, orientation):
    """What is stored is turned back; the corner at the top left is red, that at the right blue."""
    shown = np.full((16, 32, 3), 255, np.uint8)
    shown[:8, :16], shown[:8, 16:] = RED, BLUE
    stored = {
        1: shown,
        2: shown[:, ::-1],
        3: shown[::-1, ::-1],
        4: shown[::-1],
        5: shown.swapaxes(0, 1),
        6: np.rot90(shown, 1),
        7: shown[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(shown, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    seen = square_picture(path, 16).astype(int)
    assert np.abs(seen[2, 2] - RED).max() < 40 and np.abs(seen[2, -3] - BLUE).max() < 40
    assert np.abs(seen[-3] - WHITE).max() < 40


def test_grey_of_16_bits_is_a_ramp():
    values = square_picture(DATA / "grey16.png", 8)[:, 4, 0].tolist()
    stored = np.asarray(Image.open(DATA / "grey16.png"))
    assert values == sorted(values) and len(set(values)) == 8
    assert (stored.min(), stored.max()) == (0, 65535) and values[0] < 20 and values[-1] > 235


@pytest.mark.parametrize("order", ["<u2", ">u2"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_of_both_byte_orders(tmp_path, suffix, order):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(RAMP.astype(order)).save(path)
    assert first_row(path) == greys(*SEEN)


def test_colours_of_16_bits(tmp_path):
    write_png(tmp_path / "a.png", np.stack([RAMP, RAMP * 0, RAMP[:, ::-1]], -1), 2)
    assert first_row(tmp_path / "a.png") == [
        [a, 0, b] for a, b in zip(SEEN, SEEN[::-1], strict=True)
    ]


@pytest.mark.parametrize("kind", [4, 6])
def test_transparency_of_16_bits(tmp_path, kind):
    alpha = np.tile(np.uint16([65535, 65535, 65535, 0]), (4, 1))
    write_png(tmp_path / "a.png", np.stack([RAMP * 0] * (kind - 3) + [alpha], -1), kind)
    assert first_row(tmp_path / "a.png") == greys(0, 0, 0, 255)


def test_a_transparent_colour_of_16_bits(tmp_path):
    write_png(tmp_path / "a.png", RAMP, 0, struct.pack(">H", 20000))
    assert first_row(tmp_path / "a.png") == greys(0, 255, 156, 255)
    rgb = np.stack([RAMP, RAMP * 0, RAMP * 0], -1)
    write_png(tmp_path / "b.png", rgb, 2, struct.pack(">3H", 40000, 0, 0))
    assert first_row(tmp_path / "b.png") == [[0, 0, 0], [78, 0, 0], [255] * 3, [255, 0, 0]]


def test_a_tiff_whose_white_is_zero(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.tif", tiffinfo={262: 0})
    assert first_row(tmp_path / "a.tif") == greys(255, 177, 99, 0)


def test_floating_point_values_from_0_to_1(tmp_path):
    Image.fromarray(np.float32(RAMP / 65535)).save(tmp_path / "a.tiff")
    assert first_row(tmp_path / "a.tiff") == greys(*SEEN)


@pytest.mark.parametrize("value", [-0.1, 1.5, 255.0, np.nan, np.inf])
def test_floating_point_values_whose_white_is_not_known(tmp_path, value):
    Image.fromarray(np.full((4, 4), value, np.float32)).save(tmp_path / "a.tiff")
    refused(tmp_path / "a.tiff", "expected floating-point values from 0")


def test_whole_numbers_of_32_bits(tmp_path):
    Image.fromarray(RAMP.astype(np.int32)).save(tmp_path / "a.tiff")
    refused(tmp_path / "a.tiff", "32-bit whole numbers, expected 8 or 16 bits")


@pytest.mark.parametrize("hidden", [1, bytes([255, 0, 255])])
def test_a_palette_with_transparency(tmp_path, hidden):
    picture = Image.fromarray(np.uint8([[0, 1, 2, 0]] * 4), "P")
    picture.putpalette([*RED, 0, 255, 0, *BLUE])
    picture.save(tmp_path / "a.png", transparency=hidden)
    assert first_row(tmp_path / "a.png") == [list(RED), list(WHITE), list(BLUE), list(RED)]


def test_grey_with_alpha(tmp_path):
    values = np.stack([np.full((4, 4), 90), np.tile([255, 0, 255, 0], (4, 1))], -1)
    Image.fromarray(np.uint8(values), "LA").save(tmp_path / "a.png")
    assert first_row(tmp_path / "a.png") == greys(90, 255, 90, 255)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_inks(tmp_path, suffix):
    """Pillow writes JPEGs as Adobe does, inverted."""
    ink = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    ink.save(tmp_path / f"a.{suffix}")
    assert_close(tmp_path / f"a.{suffix}", RED, 6)


def test_a_bitmap_of_one_bit(tmp_path):
    Image.fromarray(np.uint8([[0, 255, 0, 255]] * 4)).convert("1").save(tmp_path / "a.bmp")
    assert first_row(tmp_path / "a.bmp") == greys(0, 255, 0, 255)


@pytest.mark.parametrize("name", ["a.TIF", "a.tiff", "a.BMP", "a.bmp", "a.WEBP", "a.JPEG"])
def test_kinds_of_files(tmp_path, name):
    Image.new("RGB", (8, 8), (40, 120, 200)).save(tmp_path / name)
    assert_close(tmp_path / name, (40, 120, 200), 8)


def test_a_colour_profile_is_converted(tmp_path):
    """sRGB's own, a damaged one, and one whose red is sRGB's blue."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (8, 8), (40, 120, 200)).save(tmp_path / "a.png", icc_profile=srgb)
    assert_close(tmp_path / "a.png", (40, 120, 200), 1)
    Image.new("RGB", (8, 8), (40, 120, 200)).save(tmp_path / "b.png", icc_profile=b"none" * 99)
    assert_close(tmp_path / "b.png", (40, 120, 200), 0)
    swapped = srgb.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")
    Image.new("RGB", (8, 8), (40, 120, 200)).save(tmp_path / "c.png", icc_profile=swapped)
    assert_close(tmp_path / "c.png", (200, 120, 40), 3)


@pytest.mark.parametrize("suffix", ["webp", "png", "tiff"])
def test_of_several_frames_the_first(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    path = tmp_path / f"a.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    with pytest.warns(UserWarning, match=r"a\.\w+' has 2 frames; the first is taken"):
        assert_close(path, RED, 3)


def test_a_photo_with_its_depth_is_one_picture(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_close(tmp_path / "a.jpg", RED, 6)


@pytest.mark.parametrize("size", [(10**5, 10**5), (2**31 - 1, 1), (0, 4), (12_000, 12_000)])
def test_a_header_of_another_size(tmp_path, size):
    write_png(tmp_path / "a.png", RAMP, 0, size=size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(tmp_path / "a.png", r"a\.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9])
def test_a_picture_that_is_cut_short(tmp_path, suffix, share):
    random = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(random).save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(path, "cannot be read as a picture")


def test_programs_are_not_run(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.eps")
    shutil.move(tmp_path / "a.eps", tmp_path / "a.png")
    refused(tmp_path / "a.png", "cannot be read as a picture")


def test_what_is_no_plain_file(tmp_path):
    (tmp_path / "a.png").mkdir()
    refused(tmp_path / "a.png", "is a folder, expected a file")
    (tmp_path / "b.png").symlink_to(tmp_path / "gone")
    refused(tmp_path / "b.png", f"is a link to '{tmp_path / 'gone'}', which is not there")
    os.mkfifo(tmp_path / "c.png")
    refused(tmp_path / "c.png", "is no plain file, expected a file")
    (tmp_path / "d.png").symlink_to("d.png")
    refused(tmp_path / "d.png", "is a link to 'd.png', which is not there")
    (tmp_path / "e.png").symlink_to("/dev/zero")
    refused(tmp_path / "e.png", "is no plain file")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")  # root's answer would be the picture

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    monkeypatch.setattr("builtins.open", refuse)
    refused(tmp_path / "a.png", r"cannot be read as a picture \(.*Permission denied\)")

"""Pictures of every kind with bytes changed or cut off, and odd captions beside them."""

import io
import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sdjax.prior_training.sources import Bank
from sdjax.prior_training.user_images import user_images
from tests.fuzz.promise import FORMS, drawn, kept

MODES = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "jpg": ("L", "RGB", "CMYK"),
    "webp": ("RGB", "RGBA"),
    "tif": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB", "YCbCr"),
    "bmp": ("1", "L", "P", "RGB", "RGBA"),
}
KINDS = [(suffix, mode) for suffix, modes in MODES.items() for mode in modes]
CAPTIONS = st.one_of(st.none(), st.just(b"a red mug"), st.binary(max_size=40))
ROWS = st.one_of(
    st.none(), st.binary(max_size=60), st.sampled_from([b"null", b"[1]", b'{"file_name": "a.png"}'])
)
DAMAGE = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=4)


def stored(kind, size, orientation):
    """The bytes of a picture of random pixels."""
    suffix, mode = kind
    random = np.random.default_rng(0).integers(0, 256, (*size, 4), np.uint8)
    if mode in ("I;16", "I", "F"):
        dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        picture = Image.fromarray(random[..., 0].astype(dtype))
    elif mode in ("LAB", "YCbCr"):
        picture = Image.fromarray(random[..., :3], mode)
    else:
        picture = Image.fromarray(random).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    picture.save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix), exif=exif)
    return file.getvalue()


def damaged(content, changes, share):
    """Some bytes replaced at fractions of the length, then the end cut off."""
    content = bytearray(content)
    for place, given_bytes in changes:
        start = int(place * max(0, len(content) - len(given_bytes)))
        content[start : start + len(given_bytes)] = given_bytes
    return bytes(content[: int(share * len(content))])


@FORMS
def test_any_damage_is_one_sentence(cases, tmp_path):
    numbers = itertools.count()

    @drawn(cases)
    @given(
        st.sampled_from(KINDS),
        st.tuples(st.integers(1, 20), st.integers(1, 20)),
        st.integers(0, 9),
        DAMAGE,
        st.one_of(st.just(1.0), st.floats(0, 1)),
        CAPTIONS,
        ROWS,
    )
    def holds(kind, size, orientation, changes, share, caption, row):
        folder = tmp_path / "pictures" / str(next(numbers))
        folder.mkdir(parents=True)
        content = damaged(stored(kind, size, orientation), changes, share)
        (folder / f"a.{kind[0]}").write_bytes(content)
        for name, given_bytes in (("a.txt", caption), ("metadata.jsonl", row)):
            if given_bytes is not None:
                (folder / name).write_bytes(given_bytes)
        result = kept(lambda: user_images(folder, 8, 0.1), inside=folder)
        if isinstance(result, Bank):
            assert result.values.shape == (1, 8, 8, 3) and result.values.dtype == np.uint8
        else:
            assert str(folder) in str(result)

    holds()

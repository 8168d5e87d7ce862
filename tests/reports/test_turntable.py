import sys

import imageio.v3 as imageio
import numpy as np
import pytest
from PIL import Image

from sdjax.reports import turntable
from sdjax.reports.turntable import write_turntable


def ball(frames, height, width):
    """A red ball that moves to the right over white."""
    y, x = np.mgrid[:height, :width] / height
    centres = np.linspace(0.3, 0.7, frames)
    inside = np.stack([(x - c) ** 2 + (y - 0.5) ** 2 < 0.04 for c in centres])
    return np.where(inside[..., None], np.array([0.8, 0.1, 0.1]), 1.0).astype(np.float32)


def assert_shows(film, frames):
    """The film's frames, brought back to the size of `frames`, are close to them."""
    _, height, width, _ = frames.shape
    scale = film.shape[1] // height
    middle = film[:, scale // 2 :: scale, scale // 2 :: scale][:, :height, :width] / 255.0
    assert np.abs(middle - frames).mean() < 0.02


def test_mp4_is_h264_with_even_sides_of_256_and_more(tmp_path):
    frames = ball(6, 37, 41)
    path = write_turntable(tmp_path / "new" / "x.mp4", list(frames), fps=12)
    meta = imageio.immeta(path, plugin="FFMPEG")
    assert meta["codec"] == "h264" and meta["pix_fmt"].startswith("yuv420p")
    assert meta["size"] == (41 * 7 + 1, 37 * 7 + 1)
    assert meta["fps"] == 12
    film = imageio.imread(path, plugin="FFMPEG")
    assert len(film) == 6
    assert_shows(film, frames)


def read_gif(path):
    with Image.open(path) as gif:
        assert gif.info["loop"] == 0
        durations, film = [], []
        for i in range(gif.n_frames):
            gif.seek(i)
            durations.append(gif.info["duration"])
            film.append(np.asarray(gif.convert("RGB")))
    return np.stack(film), durations


def test_gif_loops_and_keeps_white_white(tmp_path):
    frames = ball(6, 40, 40)
    film, durations = read_gif(write_turntable(tmp_path / "x.gif", list(frames), fps=24))
    assert film.shape == (6, 280, 280, 3)
    assert durations == [40] * 6
    assert (film[:, :20, :20] == 255).all()
    assert_shows(film, frames)


def test_without_ffmpeg_a_gif_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(turntable, "has_ffmpeg", lambda: False)
    with pytest.warns(UserWarning, match=r"There is no ffmpeg: x.mp4 is written as a gif"):
        path = write_turntable(tmp_path / "x.mp4", list(ball(2, 8, 8)))
    assert path == tmp_path / "x.gif"
    assert [found.name for found in tmp_path.iterdir()] == ["x.gif"]


def test_a_missing_ffmpeg_is_noticed(monkeypatch):
    def no_ffmpeg():
        raise RuntimeError("No ffmpeg exe could be found.")

    assert turntable.has_ffmpeg()
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", no_ffmpeg)
    assert not turntable.has_ffmpeg()
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert not turntable.has_ffmpeg()


@pytest.mark.parametrize(
    ("name", "frames", "message"),
    [
        ("x.avi", [np.zeros((8, 8, 3))], r"as .mp4 or .gif, not as 'x.avi'"),
        ("x.gif", [], r"Frames of one size are expected, given none"),
        (
            "x.gif",
            [np.zeros((8, 8, 3)), np.zeros((9, 8, 3))],
            r"given \[\(8, 8, 3\), \(9, 8, 3\)\]",
        ),
    ],
)
def test_films_that_cannot_be_made(tmp_path, name, frames, message):
    with pytest.raises(ValueError, match=message):
        write_turntable(tmp_path / name, frames)
    assert not list(tmp_path.iterdir())

"""Moving pictures: the frames of a turntable as mp4 or gif."""

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sdjax.config.errors import UserError
from sdjax.files.whole_files import whole_file
from sdjax.reports.pictures import Image, Pixels, enlarge

SHORTEST_SIDE = 256  # smaller frames are enlarged by a whole factor


def write_turntable(path: str | Path, frames: Sequence[Image], fps: int = 24) -> Path:
    """Writes frames as a film that plays in browsers, or as an endless gif.

    mp4: H.264, yuv420p, even sizes (an odd edge is repeated).  gif: one palette of 256
    colours for all frames; its clock has ticks of 1/100 s, to which the pace is rounded.

    Args:
        path: ends in `.mp4` or `.gif`; its folder is made if it does not exist.
        frames: at least one image `[h, w, 3]`, all of one size.
        fps: frames per second, >= 1.

    Returns:
        The path written: a gif beside it, with a warning, where there is no ffmpeg.

    Raises:
        ValueError: for another suffix, no frame, or frames of several sizes.
    """
    path = Path(path)
    if path.suffix not in (".mp4", ".gif"):
        raise UserError(f"A turntable is written as .mp4 or .gif, not as '{path.name}'.")
    if path.suffix == ".mp4" and not has_ffmpeg():
        warnings.warn(f"There is no ffmpeg: {path.name} is written as a gif.", stacklevel=2)
        path = path.with_suffix(".gif")
    pixels = _enlarged(frames)
    write = _write_mp4 if path.suffix == ".mp4" else _write_gif
    with whole_file(path) as part:
        write(part, pixels, fps)
    return path


def has_ffmpeg() -> bool:
    """Whether an ffmpeg can be run: the one that imageio-ffmpeg brings, or the system's."""
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return False
    return True


def _enlarged(frames: Sequence[Image]) -> list[Pixels]:
    sizes = {frame.shape for frame in frames}
    if len(sizes) != 1:
        raise UserError(f"Frames of one size are expected, given {sorted(sizes) or 'none'}.")
    scale = math.ceil(SHORTEST_SIDE / min(frames[0].shape[:2]))
    return [enlarge(frame, scale) for frame in frames]


def _write_mp4(path: Path, frames: list[Pixels], fps: int) -> None:
    import imageio.v2 as imageio

    height, width, _ = frames[0].shape
    to_even = ((0, height % 2), (0, width % 2), (0, 0))
    with (
        _quiet_fork(),
        imageio.get_writer(
            path, fps=fps, codec="libx264", pixelformat="yuv420p", quality=8, macro_block_size=1
        ) as writer,
    ):
        for frame in frames:
            writer.append_data(np.pad(frame, to_even, mode="edge"))
    _check_film(path, len(frames))


def _check_film(path: Path, frames: int) -> None:
    """ffmpeg's end is not told: where the disk is full, the film is short."""
    import imageio_ffmpeg

    try:
        found, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    except RuntimeError:
        found = 0
    if found != frames:
        raise UserError(
            f"ffmpeg wrote {found} of the {frames} frames of a film in {path.parent}; make room "
            "there, or choose gif."
        )


@contextlib.contextmanager
def _quiet_fork() -> Iterator[None]:
    """Without JAX's warning: the child becomes ffmpeg at once and takes none of its locks."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        yield


def _write_gif(path: Path, frames: list[Pixels], fps: int) -> None:
    from PIL import Image as Pillow

    # All frames at once: mapping them to a given palette, Pillow rounds and greys white.
    film = Pillow.fromarray(np.concatenate(frames)).quantize(256)
    width, height = film.width, film.height // len(frames)
    tops = range(0, film.height, height)
    images = [film.crop((0, top, width, top + height)) for top in tops]
    images[0].save(
        path, save_all=True, append_images=images[1:], duration=round(100 / fps) * 10, loop=0
    )

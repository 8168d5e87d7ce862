"""The README's example of a renderer of one's own runs and reaches an object."""

import re
from pathlib import Path

import numpy as np

from sdjax.reports.metrics import psnr

README = Path(__file__).parents[1] / "README.md"


def test_own_renderer_reaches_an_object():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    example = next(block for block in blocks if "def render" in block)
    names = {}
    exec(example, names)
    image = np.asarray(names["render"](names["params"]))[0]
    modes = np.asarray(names["prior"].bank)[:, 0] / 255.0
    assert max(psnr(image, mode.astype(np.float32)) for mode in modes) > 30.0
    assert len(example.strip().splitlines()) < 50

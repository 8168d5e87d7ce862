"""The README's examples run, and the first one reaches an object."""

import re
from pathlib import Path

import numpy as np

from sdjax.config.finding import find
from sdjax.config.loading import read, rules_of
from sdjax.reports.metrics import psnr

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_a_renderer_of_ones_own_reaches_an_object():
    example = next(block for block in BLOCKS if "embedded_prior" in block)
    lines = [line for line in example.splitlines() if line]
    assert len(lines) <= 15 and sum("sdjax" in line for line in lines) == 1
    names = {}
    exec(example, names)
    image = np.asarray(names["render"](names["params"]))[0]
    prior = names["prior"]
    truths = prior.truths("a mug", prior.cameras, 32).views[:, 0]
    assert max(psnr(image, truth) for truth in truths) > 25.0
    further = next(block for block in BLOCKS if "sd.fsd(" in block)
    names["latents"] = prior.encode(names["render"](names["params"]))
    exec(further, names)
    assert names["noise"].shape == (32, 32, 3) and np.isfinite(names["value"])


def test_its_commands_name_configurations_of_the_package():
    named = re.findall(r"--config=(\S+)", README)
    assert len(named) > 8
    for source in named:
        path, argument = find(source)
        assert path.is_file()
        rules = rules_of(source)
        assert not rules or argument in (None, *rules)
        read(source)

"""The host's memory while a component of 200 MB is loaded, in a process of its own."""

import subprocess
import sys

import flax.serialization
import numpy as np
import pytest
from safetensors.numpy import save_file

# The largest tensor of Stable Diffusion's UNet is a 30th of it, too.
LAYERS, SHAPE = 32, (3, 3, 512, 340)  # 200 MB in float32
SIZE = 4 * LAYERS * int(np.prod(SHAPE))

# What is resident just before, and the most that ever was, in kB.  (Of a child, ru_maxrss may be
# what its parent held when it started it.)
SCRIPT = rf"""
import re, sys
import jax, jax.numpy as jnp, msgpack, safetensors
from pathlib import Path
from sdjax.weights.load import load_params
jnp.zeros(1).block_until_ready()
leaf = jax.ShapeDtypeStruct({SHAPE}, jnp.float32)
template = {{f"conv_{{i}}x": {{"kernel": leaf}} for i in range({LAYERS})}}
def memory(kind):
    return int(re.search(kind + r":\s*(\d+)", Path("/proc/self/status").read_text())[1])
before = memory("VmRSS")
params = load_params(template, sys.argv[1])
assert float(params["conv_3x"]["kernel"][0, 0, 0, 0]) == 3.0
print(before, memory("VmHWM"))
"""


def write_safetensors(folder, dtype):
    tensors = {
        f"conv_{i}x.weight": np.full((SHAPE[3], SHAPE[2], *SHAPE[:2]), i, dtype)
        for i in range(LAYERS)
    }
    save_file(tensors, folder / "model.safetensors")


def write_flax(folder, dtype):
    params = {f"conv_{i}x": {"kernel": np.full(SHAPE, i, dtype)} for i in range(LAYERS)}
    (folder / "flax_model.msgpack").write_bytes(flax.serialization.to_bytes(params))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("write", [write_safetensors, write_flax])
def test_the_peak_stays_below_one_and_a_half_components(tmp_path, write, dtype):
    write(tmp_path, dtype)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, peak = map(int, done.stdout.split())
    assert 1.0 <= 1024 * (peak - before) / SIZE < 1.5

"""Commands start at once: heavy libraries are imported where they are used."""

import subprocess
import sys

COMMAND = """
import sys, time
import jax, flax, optax

heavy = ("orbax", "skimage", "trimesh", "tensorboardX", "imageio", "rich", "PIL", "torch", "scipy",
         "sklearn", "transformers", "huggingface_hub", "safetensors")
there = {name for name in heavy if name in sys.modules}
start = time.perf_counter()
import sdjax
import sdjax.train, sdjax.sample, sdjax.export, sdjax.compare, sdjax.sweep, sdjax.analyse
print(time.perf_counter() - start)
print(sorted({name for name in heavy if name in sys.modules} - there))
"""


def test_the_commands_add_at_most_half_a_second_to_jax_flax_and_optax():
    seconds, loaded = [], set()
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True)
        time, names = done.stdout.splitlines()
        seconds.append(float(time))
        loaded.add(names)
        if min(seconds) < 0.5:
            break
    assert min(seconds) < 0.5
    assert loaded == {"[]"}

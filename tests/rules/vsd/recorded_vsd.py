"""The recordings of VSD from three code bases, under the names of the first."""

import jax.numpy as jnp
import numpy as np

from tests import reference

# Names of the recordings: ours -> threestudio's VSD, and those of its unified guidance.
UNIFIED = {
    "lora_t": "phi_t",
    "lora_noise": "phi_noise",
    "loss_lora": "loss_phi",
}


def threestudio(arrays):
    """Rows of 2B are [text, negative prompt] or [camera, zeros]."""
    batch = len(arrays["latents"])
    text, uncond = np.split(arrays["emb_pretrain"], 2)
    drawn = {"emb_text": text, "emb_uncond": uncond, "emb_phi": arrays["emb_phi"][:batch]}
    return {**arrays, **drawn, "camera": arrays["camera"].reshape(batch, 16)}


def unified(arrays):
    """The loss of its network always sees the camera."""
    camera = arrays["camera"].reshape(len(arrays["camera"]), -1)
    named = {ours: arrays[theirs] for ours, theirs in UNIFIED.items()}
    return {**arrays, **named, "camera": camera, "lora_class_labels": camera}


def cfd(arrays):
    """CFD's gradient with a trained network; text-anchored guidance, which is our scale + 1."""
    camera = arrays["camera"].reshape(len(arrays["camera"]), -1)
    return {**arrays, "camera": camera, "guidance_scale": arrays["guidance_scale"] + 1.0}


CASES = {name: threestudio(arrays) for name, arrays in reference.load("vsd").items()}
CASES |= {
    name: unified(arrays)
    for name, arrays in reference.load("unified").items()
    if name.startswith("vsd")
}
LEARNING = list(CASES)
CASES["cfd"] = cfd(reference.load("cfd")["vsd_mid"])


def samples(arrays):
    """Each sample of a batch has a timestep of its own, as each particle has here."""
    batch = len(arrays["latents"])
    own = {k for k, v in arrays.items() if v.ndim and len(v) == batch}
    for i in range(batch):
        yield {
            k: v[i : i + 1] if k in own else v for k, v in arrays.items() if v.dtype.kind in "fi"
        }


def kind_of(name):
    return "v_prediction" if CASES[name].get("phi_v_prediction") else "epsilon"


def adapted_by(embedding, scale=1.0):
    """P_phi of the recordings: the toy predictor and what the camera adds."""

    def adapted(x_t, t, cameras):
        def one(camera):
            seen = jnp.mean(camera, 1).reshape(-1, 1, 1, 1)
            change = 0.15 * seen * jnp.cos(x_t) + 0.05 * x_t
            return reference.toy_prediction(x_t, t, embedding) + scale * change

        return [one(camera) for camera in cameras]

    return adapted

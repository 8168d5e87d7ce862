"""The commands in their groups; `COMMAND` in `sdjax/<name>.py` says the rest."""

GROUPS = {
    "Train and look": {
        "train": "objects or images from a prompt, one per seed",
        "sample": "images of a prior by DDIM, without optimisation",
        "export": "meshes and turntables of a run, at other settings",
    },
    "Compare": {
        "compare": "finished runs side by side",
        "sweep": "every rule on the same tasks",
        "measure": "how well a rule makes 3D of text, over all nouns",
        "analyse": "how score distillation works, as its papers look into it",
    },
    "Small priors": {
        "train_prior": "a small Stable Diffusion, or fine-tune a checkpoint",
        "judge_prior": "how well a checkpoint draws the package's objects",
        "judge_views": "whether views that a prior draws together are one object's",
    },
    "Speed": {"benchmark": "how fast sdjax is here"},
}

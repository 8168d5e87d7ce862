"""The process beside: `python -m sdjax.benchmarks.peer_worker`, the only one that has PyTorch.

It reads one JSON object per line, first an order (see `sdjax.benchmarks.peer`), then numbers of
calls, and answers each by a line: {}, {"seconds": ...} or {"error": ...}.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from sdjax.benchmarks.networks import GUIDANCE_SCALE, TIMESTEP, TOKENS


def build(order: dict[str, Any]) -> Callable[[], Any]:
    """The work that is ordered, compiled where that is asked for."""
    import torch

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = getattr(torch, order["dtype"])
    makers = {"prediction": _guided_prediction, "autoencoder": _encode_with_gradient}
    function, inputs = makers[order["kind"]](order, device, dtype)
    function(*inputs)
    return lambda: function(*inputs)


def _guided_prediction(order: dict[str, Any], device: str, dtype: Any) -> tuple:
    import torch
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel.from_config(order["fields"]["unet"])
    unet = unet.to(device, dtype, memory_format=torch.channels_last).eval()
    blocks = len(order["fields"]["vae"].get("block_out_channels", (64,)))
    side, batch = order["image_size"] // 2 ** (blocks - 1), order["batch"]
    options = {"device": device, "dtype": dtype}
    x = torch.randn(batch, unet.config.in_channels, side, side, **options)
    context = torch.randn(2 * batch, TOKENS, unet.config.cross_attention_dim, **options)

    @torch.no_grad()
    def predict(x, context):
        both = unet(torch.cat([x, x]), TIMESTEP, context).sample
        uncond, cond = both.chunk(2)
        return uncond + GUIDANCE_SCALE * (cond - uncond)

    predict = torch.compile(predict) if order["compile"] else predict
    return predict, (x.contiguous(memory_format=torch.channels_last), context)


def _encode_with_gradient(order: dict[str, Any], device: str, dtype: Any) -> tuple:
    import torch
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_config(order["fields"]["vae"])
    vae = vae.to(device, dtype, memory_format=torch.channels_last).eval().requires_grad_(False)
    size = order["image_size"]
    images = torch.randn(order["batch"], 3, size, size, device=device, dtype=dtype)
    images = images.contiguous(memory_format=torch.channels_last).requires_grad_()

    cotangent = torch.randn_like(vae.encode(images).latent_dist.mean)

    def mean(images):
        return vae.encode(images).latent_dist.mean

    mean = torch.compile(mean) if order["compile"] else mean

    def encode(images):
        value = mean(images)
        return value, torch.autograd.grad(value, images, cotangent)

    return encode, (images,)


def seconds_of(work: Callable[[], Any], calls: int) -> float:
    """Of so many calls, until the device is done."""
    import torch

    start = time.perf_counter()
    for _ in range(calls):
        work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Answer until the input ends; what others print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    work = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if work is None:
                work, answer = build(request), {}
            else:
                answer = {"seconds": seconds_of(work, request["calls"])}
        except Exception as error:  # told to the other side, which knows what was asked
            answer = {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

"""The process beside: `python -m sdjax.benchmarks.peer_worker`, the only one that has PyTorch.

Requests are {} (to import it, answered by {"versions": ...}), an order (see
`sdjax.benchmarks.peer`), which takes the place of the one before, and {"calls": ...}, which is
answered by {"seconds": ...}.
"""

import gc
import time
from collections.abc import Callable
from typing import Any

from sdjax.benchmarks.beside import answer_requests


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
    context = torch.randn(2 * batch, order["tokens"], unet.config.cross_attention_dim, **options)

    @torch.no_grad()
    def predict(x, context):
        both = unet(torch.cat([x, x]), order["timestep"], context).sample
        uncond, cond = both.chunk(2)
        return uncond + order["guidance_scale"] * (cond - uncond)

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


def versions() -> str:
    """Of the packages, and of what PyTorch computes on."""
    import diffusers
    import torch

    told = {"torch": torch.__version__, "diffusers": diffusers.__version__}
    told |= {"CUDA": torch.version.cuda} if torch.cuda.is_available() else {}
    return ", ".join(f"{name} {version}" for name, version in told.items())


class Worker:
    """Keeps the work that was ordered last."""

    def __init__(self) -> None:
        self._work: Callable[[], Any] | None = None

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request."""
        import diffusers  # noqa: F401  # which brings PyTorch

        if "calls" in request:
            return {"seconds": seconds_of(self._work, request["calls"])}
        if not request:
            return {"versions": versions()}
        self._forget()
        self._work = build(request)
        return {}

    def _forget(self) -> None:
        import torch

        self._work = None
        gc.collect()
        torch.compiler.reset()  # else another batch of the same work is compiled for all batches
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


if __name__ == "__main__":
    answer_requests(Worker())

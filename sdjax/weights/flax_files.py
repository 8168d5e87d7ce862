"""The old Flax weights of diffusers and transformers: a msgpack map of maps, read as a stream.

Flax writes an array as extension type 1, whose content is msgpack again: (shape, dtype name,
bytes).  An array above 1 GiB is a map with the key `__msgpack_chunked_array__` instead, which holds
its shape and flat pieces.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from sdjax.config.errors import UserError
from sdjax.weights.layout import to_torch, torch_tensor

ARRAY = 1
CHUNKED = "__msgpack_chunked_array__"
HEAD = 512  # bytes; enough for any shape and dtype name
LARGEST = 2**31 - 1  # bytes in one object
# What reading raises where names, shapes or levels are not as Flax writes them.
_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


def flax_tensors(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of every parameter as PyTorch has them, in the dtype of the file.

    List indices may be joined to the name ("layers_0") or a level of their own ("layers", "0"); a
    "params" around everything is dropped.  ValueError if the file is cut short or something else.
    """
    import msgpack

    with open(file, "rb") as opened:
        stream = msgpack.Unpacker(opened, ext_hook=_array, max_buffer_size=LARGEST)
        try:
            for path, array in _walk(stream, ()):
                path = path[path[0] == "params" :]
                tensor = torch_tensor(path, array.shape)
                yield tensor.name, to_torch(tensor, array)
        except (msgpack.UnpackException, *_DAMAGE) as error:
            raise UserError(
                f"'{file}' is cut short or no file of Flax weights "
                f"({type(error).__name__}); download it again."
            ) from error


def _walk(stream: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """(path, array) in the order of the file; the stream stands before a map or an array."""
    try:
        entries = stream.read_map_header()
    except ValueError:  # no map; the stream has not moved
        yield path, _leaf(stream.unpack(), path)
        return
    for entry in range(entries):
        key = stream.unpack()
        if key == CHUNKED:
            rest = [stream.unpack() for _ in range(2 * (entries - entry) - 1)]
            yield path, _joined(dict(zip([key, *rest[1::2]], rest[0::2], strict=True)))
            return
        yield from _walk(stream, (*path, key))


def _leaf(value: Any, path: tuple[str, ...]) -> np.ndarray:
    if not isinstance(value, np.ndarray) or not path:
        raise UserError(f"{type(value).__name__} instead of an array")
    return value


def _joined(chunked: dict[str, Any]) -> np.ndarray:
    shape, chunks = (
        [part[str(i)] for i in range(len(part))] for part in (chunked["shape"], chunked["chunks"])
    )
    return np.concatenate(chunks).reshape(shape)


def _array(code: int, data: bytes) -> np.ndarray:
    """A view of `data`: only its head goes through msgpack, which would copy the rest."""
    import msgpack

    if code != ARRAY:
        raise UserError(f"extension type {code}")
    head = msgpack.Unpacker()
    head.feed(data[:HEAD])
    head.read_array_header()
    shape, dtype = tuple(head.unpack()), jnp.dtype(head.unpack())
    count = math.prod(shape)
    return np.frombuffer(data, dtype, count, len(data) - count * dtype.itemsize).reshape(shape)

"""What the machine refuses, as sentences: orbax, tensorstore and safetensors raise many kinds."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdjax.config.errors import UserError

SYSTEM_ERROR = re.compile(r"os[_ ]error(?:_code=')? ?(\d+)")
MOMENTARY = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE)


@contextmanager
def explained(subject: str) -> Iterator[None]:
    """Turns what goes wrong in writing into a sentence; orbax raises errors of many kinds."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not _is_of_the_system(error):
            raise
        raise UserError(
            f"{subject} cannot be written ({_reason(error)}); make room or give it another place, "
            "and the same command goes on from the last checkpoint."
        ) from error


def check_readable(error: Exception, where: Path) -> None:
    """Raises a UserError where the machine could not read what may well be whole."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number in (*MOMENTARY, errno.EACCES, errno.EPERM):
        raise UserError(
            f"The checkpoint {where} cannot be read ({_reason(error)}); mend that, and give the "
            "same command again."
        ) from error


def _is_of_the_system(error: Exception) -> bool:
    """Whether it is an OSError, or quotes one, as those of tensorstore and safetensors do."""
    return isinstance(error, OSError) or bool(SYSTEM_ERROR.search(str(error)))


def _reason(error: Exception) -> str:
    """The system's own words where the error quotes them, as "No space left on device"."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    own = SYSTEM_ERROR.search(text)
    return os.strerror(int(own[1])) if own else text[:200]

"""What is wrong with a component's weights, told in one message."""

from typing import NamedTuple


class Mismatch(NamedTuple):
    """The tensors that stop a component from being loaded, by their PyTorch names."""

    missing: list[str]
    surplus: list[str]
    misshapen: list[str]
    not_finite: list[str]

    def message(self, source: str, expected: int) -> str:
        """A sentence about `source` with the counts and what to do, then a line per tensor."""
        kinds = {name.replace("_", " "): found for name, found in self._asdict().items() if found}
        counts = ", ".join(f"{len(found)} {kind}" for kind, found in kinds.items())
        lists = [f"{kind}:\n" + "\n".join(f"  {t}" for t in found) for kind, found in kinds.items()]
        return "\n".join([f"{source} {self._verdict(expected)} ({counts}).", *lists])

    def _verdict(self, expected: int) -> str:
        if self.missing or self.surplus or self.misshapen:
            return (
                f"holds weights of another network than its configuration describes "
                f"({expected} tensors); take both from the same model"
            )
        return "holds numbers that are not finite; download or convert it again"


def described(name: str, shape: tuple[int, ...], expected: tuple[int, ...] | None = None) -> str:
    """A tensor's line: its name, its shape and, if another was expected, that one."""
    name = name if name.isprintable() else repr(name)
    line = f"{name} [{', '.join(map(str, shape))}]"
    return line if expected is None else f"{line}, expected [{', '.join(map(str, expected))}]"

"""How files are damaged: their bytes, and the values in their JSON."""

from hypothesis import strategies as st

NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -1, 2**31, 10**9, 10**400, 1e308])
TEXTS = st.text(max_size=8) | st.sampled_from(["../x", "/etc/passwd", "NaN", "\ud800", "a" * 999])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
BYTES = st.lists(
    st.tuples(
        st.sampled_from(["cut", "flip", "insert", "remove", "zero"]),
        st.floats(0, 1),  # where
        st.binary(min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=4,
)


def damaged(content: bytes, damages: list[tuple[str, float, bytes]]) -> bytes:
    """`content` after each of the damages of `BYTES`; they hit mostly its beginning."""
    for kind, where, data in damages:
        at = int(where**3 * len(content))
        before, hit, after = content[:at], content[at : at + len(data)], content[at + len(data) :]
        content = (
            before
            + {
                "cut": b"",
                "flip": bytes(b ^ d for b, d in zip(hit, data, strict=False)) + after,
                "insert": data + hit + after,
                "remove": after,
                "zero": bytes(len(hit)) + after,
            }[kind]
        )
    return content

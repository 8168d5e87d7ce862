"""Of a prompt that is too long, the words for the view stay."""

import pytest

from sdjax.text.framed import Framed, fitted


def within(count):
    return lambda text: len(text) <= count


def test_it_is_the_whole_text():
    framed = Framed("a bun", before="side view of ", after="!")
    assert framed == "side view of a bun!" and hash(framed) == hash("side view of a bun!")
    assert isinstance(framed, str)


@pytest.mark.parametrize(
    ("body", "count", "text", "lost"),
    [
        ("a large bun", 20, "a large, side view", "bun"),
        ("a large, warm bun", 20, "a large, side view", "warm bun"),
        ("a  large   bun", 20, "a  large, side view", "bun"),
        ("incomprehensibilities", 15, "inco, side view", "mprehensibilities"),
        ("\u732b\u304c\u6b69\u304f", 13, "\u732b\u304c, side view", "\u6b69\u304f"),
        ("a bun", 3, ", side view", "a bun"),
    ],
)
def test_as_many_words_as_fit(body, count, text, lost):
    assert fitted(Framed(body, after=", side view"), within(count)) == (text, lost)


def test_words_before_are_kept_too():
    framed = Framed("a large bun", before="side view of ")
    assert fitted(framed, within(20)) == ("side view of a large", "bun")


def test_a_long_text_is_looked_at_a_few_times():
    asked = []

    def fits(text):
        asked.append(text)
        return len(text) <= 75

    text, _ = fitted(Framed("a bun " * 100_000, after=", side view"), fits)
    assert len(asked) < 40 and text.endswith("bun a, side view")

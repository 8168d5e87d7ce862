"""What prompts mean, and what is said about those that mean nothing."""

import subprocess
import sys

import pytest

from sdjax.objects.prompts import all_objects, find, prompts, words


def names(prompt):
    return [obj.name for obj in find(prompt)]


@pytest.mark.parametrize("prompt", prompts())
def test_a_base_prompt_names_its_category(prompt):
    found = find(prompt)
    assert len(found) == 8
    assert {obj.noun for obj in found} == {prompt.removeprefix("a ")}


def test_the_name_of_an_object_names_it():
    for obj in all_objects():
        assert obj in find(obj.name)


def test_every_word_narrows_the_set():
    for prompt in prompts():
        noun = prompt.removeprefix("a ")
        for word in words(noun):
            expected = tuple(obj for obj in find(prompt) if word in obj.words)
            assert 0 < len(expected) < 8
            assert find(f"a {word} {noun}") == expected


@pytest.mark.parametrize(
    "prompt",
    [
        "a red mug",
        "Red Mug",
        "the red mug",
        "  a RED mug. ",
        "a photo of a red mug",
        "a DSLR photo of a red mug, front view",
        "a red mug, overhead view",
        "a red mug, side view",
    ],
)
def test_case_articles_prefixes_and_views_do_not_count(prompt):
    assert names(prompt) == ["red mug"]


def test_order_of_words_does_not_count():
    assert names("a tall blue house") == names("a blue tall house") == ["blue tall house"]


@pytest.mark.parametrize("prompt", ["", "a hause", "a cat", "a mug and a house", "red"])
def test_unknown_prompt_lists_the_known_ones(prompt):
    with pytest.raises(ValueError, match="unknown prompt") as error:
        find(prompt)
    assert all(f'"{known}"' in str(error.value) for known in prompts())


@pytest.mark.parametrize(("prompt", "nearest"), [("a hause", "house"), ("a pink chiar", "chair")])
def test_unknown_prompt_names_the_nearest(prompt, nearest):
    with pytest.raises(ValueError, match=f'nearest is "a {nearest}"'):
        find(prompt)


def test_unknown_word_lists_what_the_category_understands():
    with pytest.raises(ValueError, match='no mug is "golden"') as error:
        find("a golden mug")
    assert all(word in str(error.value) for word in words("mug"))


def test_words_that_no_object_has_together():
    with pytest.raises(ValueError, match="no mug is red and tall at once"):
        find("a red tall mug")


@pytest.mark.slow
def test_importing_prompts_loads_nothing_heavy():
    code = (
        "import sys, sdjax.objects.prompts as p; p.all_objects();"
        "assert not {'trimesh', 'skimage', 'matplotlib', 'scipy.spatial'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

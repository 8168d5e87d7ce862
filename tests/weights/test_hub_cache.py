"""A model's folder in the hub's cache is entered; links to nothing are named."""

import pytest

from sdjax.config.errors import UserError
from sdjax.weights.hub import COMPONENTS, local_folder

COMMIT, OTHER = "1f" * 20, "2e" * 20


@pytest.fixture
def cache(tmp_path):
    """models--owner--name with two snapshots, whose files are links to blobs."""
    folder = tmp_path / "models--owner--name"
    (folder / "blobs").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    for commit in (COMMIT, OTHER):
        snapshot = folder / "snapshots" / commit
        for component in COMPONENTS:
            (snapshot / component).mkdir(parents=True)
        (folder / "blobs" / commit).write_text("{}")
        (snapshot / "model_index.json").symlink_to(f"../../blobs/{commit}")
    return folder


def test_the_snapshot_of_a_revision(cache):
    assert local_folder(cache) == local_folder(str(cache)) == cache / "snapshots" / COMMIT
    assert local_folder(cache, OTHER) == cache / "snapshots" / OTHER
    (cache / "refs" / "fp16").write_text(f"{OTHER}\n")
    assert local_folder(cache, "fp16") == cache / "snapshots" / OTHER


def test_the_only_snapshot_there_is(cache):
    (cache / "refs" / "main").unlink()
    with pytest.raises(UserError, match="has no snapshot of 'main', expected one of"):
        local_folder(cache)
    for path in sorted((cache / "snapshots" / OTHER).rglob("*"), reverse=True):
        path.unlink() if path.is_symlink() else path.rmdir()
    (cache / "snapshots" / OTHER).rmdir()
    assert local_folder(cache) == cache / "snapshots" / COMMIT


@pytest.mark.parametrize("reference", ["", "../..", "/tmp", "absent", "\udcff"])
def test_references_to_nothing(cache, reference):
    (cache / "refs" / "main").write_bytes(reference.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match="has no snapshot of 'main', expected one of"):
        local_folder(cache)


@pytest.mark.parametrize("revision", ["../../x", "a/../../b", "fp8", ""])
def test_revisions_that_are_not_there(cache, revision):
    if revision:
        with pytest.raises(UserError, match="has no snapshot of"):
            local_folder(cache, revision)


def test_a_blob_that_is_gone(cache):
    (cache / "blobs" / COMMIT).unlink()
    with pytest.raises(UserError, match=rf"is a link to '../../blobs/{COMMIT}', which is not th"):
        local_folder(cache)


def test_links_of_folders_to_nothing(cache):
    unet = cache / "snapshots" / COMMIT / "unet"
    unet.rmdir()
    unet.symlink_to("../gone")
    with pytest.raises(UserError, match=r"unet' is a link to '../gone', which is not there"):
        local_folder(cache)
    (cache.parent / "model").symlink_to("nowhere")
    with pytest.raises(UserError, match=r"model' is a link to 'nowhere', which is not there"):
        local_folder(cache.parent / "model")

"""Arrays that stay on disk, beside the same in memory."""

import numpy as np
import pytest
from ml_collections import ConfigDict

from adversarial_latent import data
from adversarial_latent.data import LazyArray, cache
from adversarial_latent.inputs import InputError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (30, 3, 4, 3), dtype=np.uint8)
Y = np.arange(30) % 3


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ADVERSARIAL_LATENT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def load(path, **config):
    return data.load(ConfigDict({"name": "npz", "path": str(path), **config}))


def assert_same(lazy, whole):
    assert lazy.splits.keys() == whole.splits.keys()
    for name, part in lazy.splits.items():
        other = whole.splits[name]
        assert isinstance(part.x, LazyArray)
        assert isinstance(other.x, np.ndarray)
        assert part.name == other.name
        assert part.x.dtype == other.x.dtype
        assert part.x.shape == other.x.shape
        assert part.x.nbytes == other.x.nbytes
        np.testing.assert_array_equal(part.x[:], other.x)
        shuffled = np.random.default_rng(0).permutation(len(part))
        np.testing.assert_array_equal(part.x[shuffled], other.x[shuffled])
        np.testing.assert_array_equal(part.x[1], other.x[1])
        if other.label is not None:
            np.testing.assert_array_equal(part.label, other.label)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "x",
    [
        PIXELS,
        PIXELS[..., 0],
        PIXELS / 255,
        RNG.normal(size=(30, 5)),
        RNG.normal(size=(30, 5)).astype(">f4"),
    ],
)
def test_npz_on_disk_is_the_same_as_in_memory(tmp_path, own_cache, save, x):
    path = tmp_path / "a.npz"
    save(path, x=x, y=Y)
    assert_same(load(path, in_memory=False), load(path))
    written = list(own_cache.glob("*.bin"))
    assert len(written) == (2 if save is np.savez_compressed else 0)
    before = {file: file.stat().st_ino for file in written}
    assert_same(load(path, in_memory=False), load(path))
    assert {file: file.stat().st_ino for file in written} == before


def test_npy_on_disk(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    assert_same(load(tmp_path / "a.npy", in_memory=False), load(tmp_path / "a.npy"))


def test_changed_content_is_noticed(tmp_path):
    prints = []
    for x in (PIXELS, PIXELS, PIXELS[::-1]):
        np.save(tmp_path / "a.npy", x)
        dataset = load(tmp_path / "a.npy", in_memory=False)
        prints.append(dataset.splits["train"].fingerprint())
    assert prints[0] == prints[1] != prints[2]


def nan_at_25():
    x = RNG.normal(size=(30, 5))
    x[25, 1] = np.nan
    return x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (nan_at_25(), r"array 'x': 1 examples contain NaN or infinity, first at 25"),
        (PIXELS / 2.0, r"must lie in \[0, 1\]"),
        (PIXELS.astype(np.int64), r"found int64 \[30, 3, 4, 3\]; expected uint8"),
        (PIXELS[:0], "no examples"),
        (np.asfortranarray(RNG.normal(size=(30, 5))), "stored by columns"),
        (np.array([{}], object), "holds Python objects"),
    ],
)
def test_arrays_that_are_refused(tmp_path, monkeypatch, x, message):
    monkeypatch.setattr("adversarial_latent.data.stored._CHUNK_BYTES", 100)
    np.savez(tmp_path / "a.npz", x=x)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "a.npz", in_memory=False)


def test_files_that_are_refused(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"none\.npz.*dataset\.path"):
        load(tmp_path / "none.npz", in_memory=False)
    for name in ("a.npz", "a.npy"):
        (tmp_path / name).write_bytes(b"hello")
        with pytest.raises(InputError, match=rf"{name}: not an npz or npy file"):
            load(tmp_path / name, in_memory=False)
    np.savez_compressed(tmp_path / "a.npz", x=PIXELS)
    (tmp_path / "file").touch()
    monkeypatch.setenv("ADVERSARIAL_LATENT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match=r"cache .* cannot be written.*np\.savez"):
        load(tmp_path / "a.npz", in_memory=False)


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    train = load(tmp_path / "a.npy", in_memory=False).splits["train"]
    (tmp_path / "a.npy").write_bytes(b"")
    with pytest.raises(OSError, match="was cut off"):
        train.x[:]


def write(value):
    def into(file):
        file.write(np.full((4, 2), value, np.float32))
        return {"shape": (4, 2), "dtype": "<f4", "note": value}

    return into


def test_entries_are_written_once_and_deleted_when_unused(own_cache):
    first = cache.key_of("a", b"b", np.arange(3))
    assert first == cache.key_of("a", b"b", np.arange(3))
    second = cache.key_of("ab", b"", np.arange(3))
    assert second != first
    x, described = cache.cached(first, write(1))
    assert (described["note"], x[:].tolist()) == (1, [[1.0, 1.0]] * 4)
    assert cache.cached(first, write(2))[1]["note"] == 1
    old = own_cache / f"{first}.bin"
    for file in own_cache.iterdir():
        cache.os.utime(file, (0, 0))
    assert cache.cached(first, write(2))[1]["note"] == 1  # used now
    cache.cached(second, write(3))
    assert old.exists()
    (own_cache / "photo.bin").touch()  # is not ours
    for file in own_cache.iterdir():
        cache.os.utime(file, (0, 0))
    cache.cached(cache.key_of("c"), write(4))
    assert not old.exists()
    (own_cache / "photo.bin").unlink()
    assert len(list(own_cache.glob("*.bin"))) == 1
    np.testing.assert_array_equal(x[:], 1)  # it is still open


def test_what_fails_leaves_nothing_behind(own_cache):
    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(cache.CacheError, match=r"disk full.*ADVERSARIAL_LATENT_CACHE"):
        cache.cached("key", fail)

    def too_large(file):
        cache.check_space(file, 1 << 60)

    with pytest.raises(cache.CacheError, match=r"needs 1152921504\.6 GB, but"):
        cache.cached("key", too_large)
    assert not [file for file in own_cache.iterdir() if file.suffix != ".lock"]


def test_the_directory_of_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ADVERSARIAL_LATENT_CACHE", "~/a")
    assert cache.directory() == tmp_path / "a"
    monkeypatch.delenv("ADVERSARIAL_LATENT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache.directory() == tmp_path / "b" / "adversarial_latent"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.directory() == tmp_path / ".cache" / "adversarial_latent"

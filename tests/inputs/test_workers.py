"""Processes that run functions for this one."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from adversarial_latent.inputs import InputError
from adversarial_latent.inputs.decoder import Decoder, probe_files
from adversarial_latent.inputs.workers import Worker, worker_pool


@pytest.fixture
def worker():
    started = Worker()
    yield started
    started.close()


def test_a_worker_is_another_process_without_jax(worker):
    assert worker(os.getpid) != os.getpid()
    assert worker(os.getpid) == worker(os.getpid)
    assert worker(probe_files, []) == []
    modules = worker(eval, "sorted(__import__('sys').modules)")
    assert "adversarial_latent.inputs.decoder" in modules
    assert "jax" not in modules
    assert "jax" in sys.modules


def test_errors_are_raised_here_and_the_worker_goes_on(worker):
    with pytest.raises(ValueError, match="invalid literal"):
        worker(int, "three")
    with pytest.raises(InputError, match=r"none\.png"):
        raise worker(probe_files, ["none.png"])[0]
    worker(print, "this is no reply")
    assert worker(int, "3") == 3


def test_a_worker_that_died(worker):
    with pytest.raises(RuntimeError, match=r"died \(exit code 7\)"):
        worker(os._exit, 7)
    with pytest.raises(RuntimeError, match="died"):
        worker(int, "3")


def test_threads_share_a_pool(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (12, 5, 4, 3), dtype=np.uint8)
    files = [str(tmp_path / f"{i}.png") for i in range(12)]
    for image, file in zip(x, files, strict=True):
        Image.fromarray(image).save(file)
    (tmp_path / "7.png").write_text("no image")
    path = tmp_path / "pixels"
    path.write_bytes(bytes(x.nbytes))
    decoder = Decoder(skip_unreadable=True)

    def decode(start):
        part = files[start : start + 3]
        return call(decoder.decode_into_file, part, (5, 4, 3), str(path), start)

    with worker_pool(2) as call, ThreadPoolExecutor(3) as threads:
        errors = list(threads.map(decode, range(0, 12, 3)))
    assert [len(found) for found in errors] == [0, 0, 1, 0]
    (index, error) = errors[2][0]
    assert index == 1
    assert "7.png: not an image" in str(error)
    x[7] = 0
    pixels = np.frombuffer(path.read_bytes(), np.uint8).reshape(x.shape)
    np.testing.assert_array_equal(pixels, x)

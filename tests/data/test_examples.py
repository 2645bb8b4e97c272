"""Examples, lazy images and the checks of a data set."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from adversarial_latent.data import Dataset, Examples, LazyArray, to_float


def test_to_float_is_the_same_on_numpy_and_jax_and_ends_at_one():
    pixels = np.arange(256, dtype=np.uint8)
    for max_value in (16, 255):
        expected = to_float(pixels, max_value)
        assert expected.dtype == np.float32
        np.testing.assert_allclose(expected, np.arange(256) / max_value, rtol=1e-6)
        assert expected[0] == 0
        assert expected[max_value] == 1
        actual = to_float(jnp.asarray(pixels), max_value)
        np.testing.assert_array_equal(np.asarray(actual), expected)


def test_to_float_leaves_floats_alone():
    x = np.float32([[-3.5, 0.25]])
    assert to_float(x, 255) is x


def test_examples_take_keeps_inputs_labels_and_names_together():
    x = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    examples = Examples(x=x, label=np.arange(10), max_value=16)
    taken = examples.take(np.array([7, 2]))
    assert taken.x.ravel().tolist() == [7, 2]
    assert taken.label.tolist() == [7, 2]
    assert taken.label.dtype == np.int32
    assert taken.name == ("7", "2")
    np.testing.assert_array_equal(taken.as_float().ravel(), np.float32([7, 2]) / 16)


def test_lazy_images_read_only_what_is_asked_for():
    stored = np.arange(20, dtype=np.uint8).reshape(5, 2, 2, 1)
    asked = []

    def read(indices):
        asked.extend(indices.tolist())
        return stored[indices]

    lazy = Examples(x=LazyArray(read, np.arange(5), (2, 2, 1)))
    taken = lazy.take(np.array([4, 1, 3]))
    assert asked == []
    assert taken.x.shape == (3, 2, 2, 1)
    assert taken.x.nbytes == 12
    np.testing.assert_array_equal(taken.x[np.array([2, 0])], stored[[3, 4]])
    np.testing.assert_array_equal(taken.x[1], stored[1])
    np.testing.assert_allclose(taken.as_float(slice(0, 1)), stored[[4]] / 255, 1e-6)
    assert asked == [3, 4, 1, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": np.zeros((0, 2), np.float32)}, "no examples"),
        ({"x": np.zeros((2, 2), np.int64)}, "uint8 or float32"),
        ({"x": np.zeros((2, 2, 2), np.uint8)}, "images"),
        ({"label": np.zeros(3, np.int32)}, "labels of shape"),
        ({"label": np.zeros((2, 1), np.int32)}, "labels of shape"),
        ({"label": np.zeros(2)}, "integers"),
        ({"label": np.array([0, 2**32 + 3])}, r"but go from 0 to 4294967299"),
        ({"label": np.array([0, 2**64 - 1], np.uint64)}, "labels must fit in int32"),
        ({"name": ("a",)}, "1 names"),
    ],
)
def test_examples_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        Examples(**({"x": np.zeros((2, 2), np.float32)} | arguments))


@pytest.mark.parametrize("bad", [-2, 3])
def test_dataset_refuses_labels_out_of_range(bad):
    x = np.zeros((2, 2), np.float32)
    train, test = Examples(x=x, label=[0, 2]), Examples(x=x, label=[0, bad])
    with pytest.raises(ValueError, match=r"out of range in split 'test'.*0 to 2"):
        Dataset("d", {"train": train, "test": test}, "", ("a", "b", "c"))


def test_dataset_refuses_splits_that_do_not_fit_together():
    train = Examples(x=np.zeros((2, 2), np.float32), label=[0, 0])
    with pytest.raises(ValueError, match="differ in shape"):
        Dataset(
            "d", {"train": train, "test": Examples(np.zeros((2, 3), np.float32))}, ""
        )
    with pytest.raises(ValueError, match=r"only \['train'\] of the splits"):
        Dataset(
            "d",
            {"train": train, "test": Examples(np.zeros((2, 2), np.float32))},
            "",
            ("a",),
        )


def test_captions_that_cannot_be():
    examples = Examples(x=np.zeros((2, 3), np.float32), captions=(("a",), ("b",)))
    assert examples.take(np.array([1])).captions == (("b",),)
    for captions in ((("a",),), (("a",), ("b", "c")), ((), ())):
        with pytest.raises(
            ValueError, match=r"2 examples need the same number of captions"
        ):
            dataclasses.replace(examples, captions=captions)
    plain = dataclasses.replace(examples, captions=None)
    with pytest.raises(ValueError, match=r"only some of the splits have captions"):
        Dataset("points", {"train": examples, "test": plain}, "")

"""Labels, and what a trained model is given; npz files are tested with their source."""

import hypothesis
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from adversarial_latent.inputs import (
    InputError,
    check_finite,
    check_model_inputs,
    natural_key,
    number_classes,
)

IDS = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
    st.lists(
        st.text(st.characters(codec="ascii", categories=["L", "N", "P"])), min_size=1
    ),
)


@hypothesis.settings(deadline=None)
@hypothesis.given(IDS, st.randoms())
def test_classes_are_the_ids_that_occur(ids, random):
    other = random.sample(ids, random.randint(1, len(ids)))
    labels = {"y_train": np.array(ids), "y_test": np.array(other)}
    numbered, names = number_classes(labels)
    order = natural_key if isinstance(ids[0], str) else None
    classes = sorted({*labels["y_train"].tolist()}, key=order)
    if classes[0] == -1 and len(classes) > 2:
        classes = classes[1:]  # -1 is for unlabelled examples
    assert names == tuple(map(str, classes))
    for key, label in labels.items():
        assert numbered[key].dtype == np.int32
        found = ["-1" if k < 0 else names[k] for k in numbered[key]]
        assert found == list(map(str, label.tolist()))


def test_no_labels_are_no_classes():
    assert number_classes({}) == ({}, ())


@pytest.mark.parametrize(
    ("label", "names"),
    [
        (np.array([True, False]), ("0", "1")),
        (np.array([[3.0], [1e6]], np.float32), ("3", "1000000")),
        (np.array(["10", "9"]), ("9", "10")),
        (np.array(["a\n", "b"]), ("a\\n", "b")),
    ],
)
def test_labels_of_other_kinds(label, names):
    numbered, found = number_classes({"y": label})
    assert found == names
    assert numbered["y"].shape == label.shape


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, 2.0**53, 1e300, -1e30])
def test_floats_that_are_no_whole_numbers_are_refused(value):
    with pytest.raises(InputError, match="'y': labels must be integers or text"):
        number_classes({"y": np.array([1.0, value])})
    with pytest.raises(InputError, match="not float16"):
        number_classes({"y": np.array([1.0, 0.5], np.float16)})


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, jnp.bfloat16])
def test_models_take_floats_of_any_width(dtype):
    x = check_model_inputs(np.full((3, 2), 0.5, dtype), (2,))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, 0.5)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 4, 4, 1), np.uint8), r"x is uint8.*x / 255"),
        (np.zeros((3, 4, 4, 1), np.int64), r"x is int64.*\[0, 1\]: divide"),
        (np.zeros((3, 4, 4, 1), bool), "x is bool"),
        (np.full((3, 4, 4, 1), "a"), "x is <U1"),
        (np.zeros((3, 4, 4)), r"shape \[3, 4, 4\], but the model takes \[N, 4, 4, 1\]"),
        (np.zeros((4, 4, 1)), r"shape \[4, 4, 1\]"),
        (np.zeros((3, 5, 4, 1)), r"shape \[3, 5, 4, 1\]"),
        (np.full((3, 4, 4, 1), np.nan), "examples contain NaN or infinity, first at 0"),
        (np.full((3, 4, 4, 1), 1e39), "3 examples contain NaN or infinity"),
    ],
)
def test_what_a_model_cannot_take(x, message):
    with pytest.raises(InputError, match=message):
        check_model_inputs(x, (4, 4, 1))


def test_a_model_of_unknown_shape_takes_any_but_none():
    assert check_model_inputs(np.zeros((0, 3))).shape == (0, 3)
    with pytest.raises(InputError, match=r"shape \[3\], but the model takes \[N, \.\."):
        check_model_inputs(np.zeros(3))


@hypothesis.settings(deadline=None)
@hypothesis.given(
    arrays.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3),
    )
)
def test_numbers_are_finite_or_refused(x):
    if (np.abs(x.astype(np.float64)) < 3e38).all():
        np.testing.assert_array_equal(check_finite(x), x.astype(np.float32))
    elif not (np.abs(x.astype(np.float64)) < 4e38).all():
        with pytest.raises(InputError, match=r"contain NaN or infinity"):
            check_finite(x)

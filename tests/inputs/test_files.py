"""Files, folders and names as people have them."""

import contextlib
import json
import os
import re
import warnings

import hypothesis
import pytest
from hypothesis import strategies as st

from adversarial_latent import inputs
from adversarial_latent.inputs import InputError, MissingInputError
from adversarial_latent.inputs.files import read_bytes, warnings_in_log

PROPERTY = hypothesis.settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
# Python's form of any file name there can be: bytes that are not UTF-8 are surrogates.
FILE_NAMES = st.binary(min_size=1).map(os.fsdecode)


@contextlib.contextmanager
def only_input_errors(message):
    """Lets an `InputError` pass that says `message`, and no other error."""
    try:
        yield
    except InputError as error:
        if not re.search(message, str(error)):
            raise


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Blüte 花 7.png", "Blüte 花 7.png"),
        (os.fsdecode("Blüte".encode("latin-1")), "Bl\\xfcte"),
        ("a\nb\x00", "a\\nb\\x00"),
        ("Blu\u0308te", "Blüte"),  # as macOS writes it
        ("\ud800", "\\ud800"),
    ],
)
def test_names_become_printable(name, expected):
    assert inputs.printable(name) == expected


@PROPERTY
@hypothesis.given(st.one_of(FILE_NAMES, st.text()))
def test_every_name_can_be_written(name):
    printed = inputs.printable(name)
    printed.encode("utf-8")
    assert not {"\n", "\r", "\0"} & set(printed)
    assert inputs.printable(printed) == printed


@PROPERTY
@hypothesis.given(st.lists(st.text("019ab-", max_size=6)))
def test_the_natural_order_does_not_depend_on_the_order_before(names):
    by_key = sorted(names, key=inputs.natural_key)
    assert by_key == sorted(reversed(names), key=inputs.natural_key)
    numbers = [int(name) for name in by_key if name.isdecimal()]
    assert numbers == sorted(numbers)


def test_numbers_of_any_length_are_sorted():
    long = "9" * 5000  # which int() refuses
    assert sorted([long + "0", long], key=inputs.natural_key) == [long, long + "0"]


@PROPERTY
@hypothesis.given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_text_that_says_its_encoding_is_read(tmp_path, text, encoding):
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    assert inputs.read_text(tmp_path / "a.txt") == text


@PROPERTY
@hypothesis.given(st.binary())
def test_bytes_are_text_or_an_error_that_names_the_file(tmp_path, content):
    (tmp_path / "some.txt").write_bytes(content)
    with only_input_errors(r"some\.txt: not text in UTF-8"):
        inputs.read_text(tmp_path / "some.txt").encode("utf-8")


@PROPERTY
@hypothesis.given(st.one_of(st.binary(), st.text().map(json.dumps).map(str.encode)))
def test_bytes_are_json_or_an_error_that_names_the_file(tmp_path, content):
    (tmp_path / "some.json").write_bytes(content)
    with only_input_errors(r"some\.json: empty, cut off or not JSON"):
        assert repr(inputs.read_json(tmp_path / "some.json")) == repr(
            json.loads(content)
        )


@pytest.mark.parametrize("read", [inputs.read_json, inputs.read_text, read_bytes])
def test_files_that_are_not_there_or_no_files(tmp_path, read):
    with pytest.raises(MissingInputError, match=r"no file at .*none"):
        read(tmp_path / "none")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder: "):
        read(tmp_path / "folder")
    with pytest.raises(InputError, match=r"nnn: (cannot be read|empty, cut off)"):
        read(tmp_path / (300 * "n"))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: not a file"):
        read_bytes(tmp_path / "pipe")


LEFTOVERS = ("Thumbs.db", "desktop.ini", ".DS_Store", "._a.png", "Icon\r")


def littered(folder):
    """A folder with a file, a sub-folder and what systems leave: 7 things."""
    (folder / "b").mkdir()
    for place in (folder, folder / "b"):
        (place / "10.png").touch()
        (place / "9.png").touch()
    for name in LEFTOVERS:
        (folder / name).touch()
    for name in ("__MACOSX", "@eaDir"):
        (folder / name).mkdir()
        (folder / name / "9.png").touch()
    return folder


def test_what_systems_leave_behind_is_passed_over_and_counted(tmp_path):
    entries, passed_over = inputs.list_folder(littered(tmp_path))
    assert [entry.name for entry in entries] == ["9.png", "10.png", "b"]
    assert passed_over == 7
    files, passed_over = inputs.find_files(tmp_path)
    names = [inputs.relative_name(file, tmp_path) for file in files]
    assert names == ["9.png", "10.png", "b/9.png", "b/10.png"]
    assert passed_over == 7


def test_folders_that_are_linked_are_read_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").touch()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "back").symlink_to(tmp_path / "root")
    files, _ = inputs.find_files(tmp_path / "root")
    assert files == [str(tmp_path / "root" / "link" / "1.png")]


def test_a_folder_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="none: the folder cannot be read"):
        inputs.list_folder(tmp_path / "none")


def test_warnings_of_readers_go_to_the_log(monkeypatch):
    lines = []
    monkeypatch.setattr(
        "adversarial_latent.inputs.files.logging.log_first_n",
        lambda level, form, n, *values: lines.append(form % values),
    )
    with warnings_in_log("picture"):
        warnings.warn("its camera lies", stacklevel=1)
    assert lines == ["picture: its camera lies"]

"""Tables as values: reading them, their errors, and changed copies."""

import dataclasses

import pytest

from adversarial_latent.networks import table as table_lib
from adversarial_latent.networks.table import COLUMNS, Layer, Row, Table
from tests.toys import HEADER

EVERY_COLUMN = """
x     -      1         -      -       -        -        -          -
a     x      8         3      2       SAME     .2       yes        Leak0.2
b     a      8         3      Max2    -        0.5      -          ReLU
c     a|b    8+8       -      -       -        -        scale0.5   -
d     a+b+a  8         -      Avg4    -        -        -          Softmax
e     d      4         4      2       1        -        -          -
f     e      4         3      Up2     VALID    -        -          -
g     f      2         -      Image3  -        -        -          -
"""


def _layers(text):
    return Table.parse(text).layers


def _channels(table):
    return {row.name: row.channels for row in table.rows}


# Reading.


def test_every_column():
    x, a, b, c, d, e, f, g = _layers(EVERY_COLUMN)
    assert (x.name, x.inputs, x.channels) == ("x", (), 1)
    assert a == Layer(
        name="a",
        inputs=("x",),
        combine="+",
        channels=8,
        width=3,
        stride=2,
        pool=None,
        padding="SAME",
        dropout=0.2,
        batch_norm="yes",
        activation="Leak0.2",
    )
    assert (b.width, b.stride, b.pool, b.dropout) == (3, 1, ("Max", 2, 2), 0.5)
    assert (b.batch_norm, b.activation, b.padding) == ("", "ReLU", "VALID")
    assert (c.inputs, c.combine, c.width) == (("a", "b"), "|", None)
    assert (c.channels, c.batch_norm) == (16, "scale0.5")
    assert (d.inputs, d.combine, d.pool) == (("a", "b", "a"), "+", ("Avg", 4, 4))
    assert (e.stride, e.padding) == (2, 1)
    assert (f.width, f.stride, f.pool, f.padding) == (3, 1, ("Up", 2, 2), "VALID")
    assert g.pool == ("Image", 3, 3)


def test_cells_are_kept_as_they_are_written():
    table = Table.parse(EVERY_COLUMN)
    assert table.rows[1] == Row(
        name="a",
        input="x",
        channels="8",
        width="3",
        stride="2",
        padding="SAME",
        dropout=".2",
        batch_norm="yes",
        activation="Leak0.2",
    )
    assert table.rows[0] == Row("x", "-", "1"), "cells left out are empty"


@pytest.mark.parametrize("padding", ["-", "VALID", "SAME", "0", "12"])
def test_padding(padding):
    (_, layer) = _layers(f"x - 1 - - - - - -\na x 1 3 1 {padding} - - -")
    expected = {"-": "VALID", "0": 0, "12": 12}.get(padding, padding)
    assert layer.padding == expected
    assert type(layer.padding) is type(expected)


def test_header_may_be_left_out():
    text = "x - 1 - - - - - -\na x 1 3 1 - - - -"
    table = Table.parse(text)
    assert Table.parse(HEADER + text) == table
    assert (
        Table.parse("\n   " + HEADER + "\n\n  " + text.replace("\n", "\n\t")) == table
    )
    assert [row.name for row in table.rows] == ["x", "a"]


def test_a_first_line_makes_convolutions_transposed():
    text = "x - 1 - - - - - -\na x 1 3 1 - - - -"
    plain = Table.parse(text)
    assert not plain.transposed
    for header in ("", HEADER):
        table = Table.parse("\ntransposed\n" + header + text)
        assert table.transposed
        assert table.rows == plain.rows
        assert table != plain
    with pytest.raises(ValueError, match="row 'transposed' has 1 cells"):
        Table.parse(HEADER + "transposed\n" + text)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a x 8 3 1 - - - Relu", "row 'a': cannot read 'Relu' in column Activation"),
        ("a x 8 3 1 - - - Leak2", "row 'a': cannot read 'Leak2' in column Activation"),
        ("a x 8 3 1 - 1.5 - -", "row 'a': cannot read '1.5' in column Dropout"),
        ("a x 8 3 1 - - no -", "row 'a': cannot read 'no' in column BatchNorm"),
        ("a x 8 3 0 - - - -", "row 'a': cannot read '0' in column Stride"),
        ("a x 8 w 1 - - - -", "row 'a': cannot read 'w' in column Width"),
        ("a x 8 3 L2 - - - -", "row 'a': cannot read 'L2' in column Stride"),
        ("a x 8 3 1 same - - -", "row 'a': cannot read 'same' in column Padding"),
        ("a x 8 3 1 -1 - - -", "row 'a': cannot read '-1' in column Padding"),
        ("a x k 3 1 - - - -", "row 'a': cannot read 'k' in column Channels"),
        ("a x {k} 3 1 - - - -", r"row 'a': cannot read '\{k\}' in column Channels"),
        ("a x - 3 1 - - - -", "row 'a': column Channels is empty"),
        ("a x|x+x 8 - - - - - -", r"row 'a': cannot read 'x\|x\+x' in column Input"),
        ("a b 8 3 1 - - - -", "row 'a': column Input names 'b', which is not a row ab"),
        ("a a 8 3 1 - - - -", "row 'a': column Input names 'a', which is not a row ab"),
        ("x x 8 3 1 - - - -", "row 'x': this name is already taken"),
        ("zeros x 8 3 1 - - - -", "row 'zeros': this name is already taken"),
        ("a x 8 - 2 - - - -", "row 'a' has a stride but no width"),
        ("a x 8 - - - - - Maxout5", "row 'a' has a Maxout but no width"),
        ("a x 8 - - 1 - - -", "row 'a' has a padding but no width"),
        ("a - 8 3 1 - - - -", "row 'a': cannot read '3' in column Width"),
        ("a - 8 - - - - yes -", "row 'a': cannot read 'yes' in column BatchNorm"),
    ],
)
def test_errors_name_row_and_column(row, message):
    table = Table.parse(HEADER + "x - 8 - - - - - -\n" + row)
    with pytest.raises(ValueError, match=message):
        _ = table.layers


@pytest.mark.parametrize("row", ["a x 8 3 1 - - -", "a x 8 3 1 - - - - -"])
def test_a_row_has_nine_cells(row):
    cells = len(row.split())
    message = (
        rf"row 'a' has {cells} cells, but there are 9 columns \(Name Input .*{row}"
    )
    for header in ("", HEADER):
        with pytest.raises(ValueError, match=message):
            Table.parse(header + "x - 8 - - - - - -\n" + row)


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("Dropout", ""),
        HEADER.replace("Dropout", "DropOut"),
        HEADER.replace("Dropout", "Dropout  Dropout"),
        HEADER.replace("Dropout", "Dropout  Pading"),
        "Name Input Channels Width Stride Dropout BatchNorm Activation Padding\n",
    ],
)
def test_columns_are_always_the_same(header):
    with pytest.raises(
        ValueError, match=r"a table must have the columns Name Input .*, not"
    ):
        Table.parse(header + "x - 8 - - - - - -")


@pytest.mark.parametrize(
    "text", ["", " \n", HEADER, "transposed", "transposed\n" + HEADER]
)
def test_a_table_without_rows(text):
    with pytest.raises(ValueError, match="the table has no rows"):
        Table.parse(text)


# Writing.


@pytest.mark.parametrize("first", ["", "transposed\n"])
@pytest.mark.parametrize("text", [EVERY_COLUMN, "x  -  {k}+{d}  -  -  -  -  -  -"])
def test_text_is_read_as_it_was_written(first, text):
    table = Table.parse(first + text)
    written = str(table)
    assert Table.parse(written) == table
    assert str(Table.parse(written)) == written
    lines = written.splitlines()
    assert (lines[0] == "transposed") == bool(first)
    header, *rows = lines[1:] if first else lines
    assert tuple(header.split()) == COLUMNS
    # Cells are below each other, two blanks from the column before.
    starts = [header.index(f"  {column}") + 2 for column in COLUMNS[1:]]
    for row in rows:
        assert all(row[start - 1] == " " != row[start] for start in starts)
        assert row == row.rstrip()


def test_tables_are_values():
    table, same = Table.parse(EVERY_COLUMN), Table.parse(HEADER + EVERY_COLUMN)
    assert table == same
    assert hash(table) == hash(same)
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.transposed = True


# Changed copies.

TABLE = """
x  -    {k}  -  -  -  -  -    -
h  x    32   3  2  -  -  yes  ReLU
y  h    {k}  1  1  -  -  -    -
z  h|y  {d}  1  1  -  -  -    -
"""


@pytest.fixture(name="table", params=[False, True], ids=["", "transposed"])
def _table(request):
    return Table.parse(("transposed\n" if request.param else "") + TABLE)


def _expected(table, *rows):
    """The table of these rows, with the first line of another one."""
    text = "transposed\n" if table.transposed else ""
    return Table.parse(text + "\n".join(rows))


X, H, Y, Z = TABLE.strip().splitlines()


def test_a_row_with_other_cells(table):
    changed = table.with_row("h", channels="64", batch_norm="-")
    assert changed == _expected(table, X, "h x 64 3 2 - - - ReLU", Y, Z)
    assert table == _expected(table, X, H, Y, Z), "the table itself stays"
    with pytest.raises(TypeError, match="chanels"):
        table.with_row("h", chanels="64")


def test_without_some_rows(table):
    assert table.without("z") == _expected(table, X, H, Y)
    assert table.without("z", "h") == _expected(table, X, Y)
    assert table.without() == table


def test_more_rows_at_the_end(table):
    a, b = "a  z  1  1  1  -  -  -  -", "b  a  1  1  1  -  -  -  -"
    expected = _expected(table, X, H, Y, Z, a, b)
    assert table.append(a, HEADER + b) == expected
    assert table.append(Table.parse(a).append(b)) == expected
    assert table.append() == table


def test_transposed_rows_do_not_join_another_table():
    part, row = "transposed\nh  x  1  1  1  -  -  -  -", "x  -  1  -  -  -  -  -  -"
    table, transposed = Table.parse(row), Table.parse(f"transposed\n{row}")
    with pytest.raises(ValueError, match="transposed rows cannot join a table"):
        table.append(part)
    with pytest.raises(ValueError, match="transposed rows cannot join a table"):
        table.insert_after("x", part)
    assert transposed.append(part) == transposed.append(Table.parse(part))
    assert transposed.append(part).transposed


def test_more_rows_below_a_row(table):
    a, b = "a  h  1  1  1  -  -  -  -", "b  a  1  1  1  -  -  -  -"
    expected = _expected(table, X, H, a, b, Y, Z)
    assert table.insert_after("h", f"{a}\n{b}") == expected
    assert table.insert_after("h", Table.parse(f"{HEADER}{a}\n{b}")) == expected
    assert table.insert_after("z", a) == table.append(a)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.with_row("w", channels="1"),
        lambda table: table.without("x", "w"),
        lambda table: table.insert_after("w", "a - 1 - - - - - -"),
    ],
    ids=["with_row", "without", "insert_after"],
)
def test_a_row_that_is_not_there(change):
    message = r"no row 'w' in the table; it has \['x', 'h', 'y', 'z'\]"
    with pytest.raises(ValueError, match=message):
        change(Table.parse(TABLE))


def test_values_in_place_of_names(table):
    half = table.fill(k=7)
    assert _channels(half) == {"x": "7", "h": "32", "y": "7", "z": "{d}"}
    with pytest.raises(ValueError, match=r"cannot read '\{d\}' in column Channels"):
        _ = half.layers
    filled = half.fill(d=5, unused="")
    assert [layer.channels for layer in filled.layers] == [7, 32, 7, 5]
    assert filled == table.fill(d=5, k=7)
    assert filled.transposed == table.transposed


def test_every_cell_is_filled():
    row = "{n}b {n}a|x {k}+{d} {w} Up{s} {p} .{o} scale{c} Leak.{l}"
    values = dict(zip("nkdwspocl", ["h", 3, 4, 5, 6, 7, 8, 9, 1], strict=True))
    (filled,) = Table.parse(row).fill(**values).rows
    assert filled == Row("hb", "ha|x", "3+4", "5", "Up6", "7", ".8", "scale9", "Leak.1")


def test_narrow_divides_hidden_channels():
    text = """
x   -      3      -  -       -  -  -    -
z   -      {d}    -  -       -  -  -    -
f   -      64     -  -       -  -  -    -
h1  x      32     3  2       -  -  yes  ReLU
h2  f      16     1  1       -  -  -    -
s   h1+h1  32     -  -       -  -  -    ReLU
c   h1|h2  32+16  -  -       -  -  -    -
i   h2     4      -  Image2  -  -  -    -
e   zeros  7      -  -       -  -  -    ExpN
p   c      1      1  1       -  -  -    -
"""
    table = Table.parse(text)
    narrowed = table.narrow(4, keep=("x", "z", "p", "e"))
    layers = {layer.name: layer for layer in narrowed.fill(d=5).layers}
    channels = {name: layer.channels for name, layer in layers.items()}
    assert channels == {
        "x": 3,
        "z": 5,
        "f": 16,
        "h1": 8,
        "h2": 4,
        "s": 8,
        "c": 12,
        "i": 1,
        "e": 7,
        "p": 1,
    }
    for layer in table.fill(d=5).layers:
        same = dataclasses.replace(layers[layer.name], channels=layer.channels)
        assert same == layer
    assert table.narrow(1, keep=("z",)) == table
    transposed = dataclasses.replace(table, transposed=True)
    assert transposed.narrow(4, keep=("x", "z", "p", "e")).transposed
    for divisor, keep, message in (
        (5, ("x", "z", "p"), "row 'f': 64 channels cannot be divided by 5"),
        (4, ("x", "p"), r"row 'z': \{d\} channels cannot be divided by 4"),
        (0, ("x", "z", "p"), "row 'f': 64 channels cannot be divided by 0"),
    ):
        with pytest.raises(ValueError, match=message):
            table.narrow(divisor, keep=keep)


def test_every_activation_can_be_written():
    for name in table_lib.ACTIVATIONS:
        (_, layer) = _layers(f"x - 1 - - - - - -\na x 1 - - - - - {name}")
        assert layer.activation == name
    (_, maxout) = _layers("x - 1 - - - - - -\na x 3 1 1 - - - Maxout4")
    assert (maxout.maxout_pieces, maxout.channels) == (4, 3)


def test_reshapes():
    text = """
x  -  3   -  -         -  -  -  -
c  x  3   -  Crop2x5   -  -  -  -
f  c  30  -  Flat      -  -  -  -
i  f  3   -  Image2x5  -  -  -  -
"""
    table = Table.parse(text)
    pools = [layer.pool for layer in table.layers]
    assert pools == [None, ("Crop", 2, 5), ("Flat", 1, 1), ("Image", 2, 5)]
    narrowed = table.fill().narrow(3, keep=())
    assert [row.channels for row in narrowed.rows] == ["1", "1", "10", "1"]
    with pytest.raises(ValueError, match="'f' has a width, but Flat has no kernel"):
        _ = table.with_row("f", width="1").layers

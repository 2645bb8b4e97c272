"""Residual blocks as rows of a table (learned prior, table 3; He et al. 2016).

Two 3x3 convolutions, and a row that adds the block's input. If the size changes, the
skip connection is a 1x1 convolution, with stride 2 or after upsampling.
"""

from adversarial_latent.networks.table import Table

_RESIDUAL = """
{name}a  {input}          {channels}  3  1  1  -  -  ReLU
{name}b  {name}a          {channels}  3  1  1  -  -  ReLU
{name}   {input}+{name}b  {channels}  -  -  -  -  -  ReLU
"""
_DOWN = """
{name}a  {input}          {channels}  3  2  1  -  -  ReLU
{name}b  {name}a          {channels}  3  1  1  -  -  ReLU
{name}s  {input}          {channels}  1  2  -  -  -  -
{name}   {name}s+{name}b  {channels}  -  -  -  -  -  ReLU
"""
_UP = """
{name}a  {input}          {channels}  4  2    1  -  -  ReLU
{name}b  {name}a          {channels}  3  1    1  -  -  ReLU
{name}s  {input}          {channels}  1  Up2  -  -  -  -
{name}   {name}s+{name}b  {channels}  -  -    -  -  -  ReLU
"""


def residual(name: str, source: str, channels: int) -> Table:
    """A block that keeps height and width.

    Args:
      name: name of its last row.
      source: name of the row that it reads.
      channels: number of channels of all its rows, and of the source.
    """
    return _block(_RESIDUAL, name, source, channels)


def down(name: str, source: str, channels: int) -> Table:
    """A block that halves height and width; for the arguments see `residual`."""
    return _block(_DOWN, name, source, channels)


def up(name: str, source: str, channels: int) -> Table:
    """A block that doubles height and width, in a transposed table."""
    return _block(_UP, name, source, channels)


def _block(text: str, name: str, source: str, channels: int) -> Table:
    return Table.parse(text).fill(name=name, input=source, channels=channels)

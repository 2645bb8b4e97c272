"""Networks that are tables, in PyTorch: the same layers, for comparisons of speed."""

from collections.abc import Mapping

try:
    import torch
    import torch.nn.functional as F  # noqa: N812
    from torch import nn
except ImportError as error:
    raise ImportError(
        "experiments.benchmarks.torch_tables needs PyTorch; install it with: "
        "pip install -e .[bench]"
    ) from error

from adversarial_latent.networks.table import Layer, Table


class TableModule(nn.Module):
    """A table as an eager PyTorch module: images are [B, C, H, W], vectors [B, C].

    Attributes:
      table: the table, with numbers in place of placeholders.
    """

    def __init__(self, table: Table):
        super().__init__()
        self.table = table
        self.layers = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        channels: dict[str, int] = {}
        for row in table.layers:
            channels[row.name] = row.channels
            if row.inputs:
                self._add(
                    row, [channels.get(name, row.channels) for name in row.inputs]
                )

    def _add(self, row: Layer, sizes: list[int]) -> None:
        """Adds the weights of a row whose inputs have these channels."""
        if row.width is not None:
            inputs = sum(sizes) if row.combine == "|" else sizes[0]
            outputs = row.channels * row.maxout_pieces
            # A bias before batch norm would be cancelled, so it is left out.
            bias = not row.batch_norm
            if row.width == 1 and row.stride == 1 and row.pool is None:
                layer: nn.Module = nn.Linear(inputs, outputs, bias=bias)
            elif self.table.transposed:
                layer = nn.ConvTranspose2d(
                    inputs, outputs, row.width, row.stride, bias=bias
                )
            else:
                layer = nn.Conv2d(inputs, outputs, row.width, row.stride, bias=bias)
            self.layers[row.name] = layer
        if row.batch_norm:
            # Of two dimensions for images and vectors: a vector is one pixel.
            self.norms[row.name] = nn.BatchNorm2d(row.channels, momentum=0.01)

    def forward(
        self, *inputs: torch.Tensor, gradients: Mapping[str, float] | None = None
    ) -> dict[str, torch.Tensor]:
        """Evaluates all rows in training mode; returns outputs by name.

        `gradients` are those of `TableNetwork`.
        """
        outputs: dict[str, torch.Tensor] = {}
        names = [row.name for row in self.table.layers if not row.inputs]
        outputs.update(zip(names, inputs, strict=True))
        for row in self.table.layers:
            if row.inputs:
                x = self._row(row, outputs, inputs[0])
                if (fraction := (gradients or {}).get(row.name, 1)) != 1:
                    x = torch.lerp(x.detach(), x, fraction)
                outputs[row.name] = x
        return outputs

    def _row(
        self, row: Layer, outputs: Mapping[str, torch.Tensor], first: torch.Tensor
    ) -> torch.Tensor:
        parts = [
            first.new_zeros(len(first), row.channels)
            if name == "zeros"
            else outputs[name]
            for name in row.inputs
        ]
        x = torch.cat(parts, dim=1) if row.combine == "|" else sum(parts[1:], parts[0])
        if row.dropout:
            x = F.dropout(x, row.dropout)
        kind, rows, columns = row.pool or ("", 1, 1)
        if kind == "Up":
            x = x if x.ndim == 4 else x[..., None, None]
            x = F.interpolate(x, scale_factor=(rows, columns))
        if row.width is not None:
            x = self._convolution(row, x)
        if kind in ("Max", "Avg"):
            pool = F.max_pool2d if kind == "Max" else F.avg_pool2d
            x = pool(x, (rows, columns))
        elif kind == "Flat":
            x = x.flatten(1)
        elif kind == "Image":
            x = x.unflatten(1, (-1, rows, columns))
        elif kind == "Crop":
            x = x[:, :, :rows, :columns]
        if x.ndim == 4 and x.shape[2:] == (1, 1):
            x = x.flatten(1)
        if row.name in self.norms:
            pixels = x if x.ndim == 4 else x[..., None, None]
            x = self.norms[row.name](pixels).reshape(x.shape)
        return _activate(row, x)

    def _convolution(self, row: Layer, x: torch.Tensor) -> torch.Tensor:
        layer = self.layers[row.name]
        if isinstance(layer, nn.Linear):
            if x.ndim == 2:
                return layer(x)
            return layer(x.movedim(1, -1)).movedim(-1, 1)
        x = x if x.ndim == 4 else x[..., None, None]
        assert row.width is not None
        transposed = isinstance(layer, nn.ConvTranspose2d)
        spanned = 1 if transposed else row.width
        if row.padding == "VALID" and x.shape[2:] == (spanned, spanned):
            return self._dense(layer, x)
        if isinstance(layer, nn.ConvTranspose2d):
            return self._crop(row, layer(x), x.shape[2:])
        return layer(F.pad(x, self._padding(row, x.shape[2:])))

    @staticmethod
    def _dense(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """A kernel as wide as its input or output image, as PyTorch users write it.

        PyTorch's convolution is several times slower than this matrix product. Pixels
        come before channels, which is how channels-last arrays are stored.
        """
        weight = layer.weight.permute(0, 2, 3, 1)
        x = x.permute(0, 2, 3, 1).flatten(1)
        if not isinstance(layer, nn.ConvTranspose2d):
            return F.linear(x, weight.flatten(1), layer.bias)[..., None, None]
        y = (x @ weight.flatten(1)).unflatten(1, weight.shape[1:]).permute(0, 3, 1, 2)
        return y if layer.bias is None else y + layer.bias[:, None, None]

    @staticmethod
    def _padding(row: Layer, size: torch.Size) -> tuple[int, ...]:
        if row.padding == "VALID":
            return (0, 0, 0, 0)
        if isinstance(row.padding, int):
            return (row.padding,) * 4
        edges: list[int] = []
        for pixels in reversed(size):
            assert row.width is not None
            total = max(
                (-(-pixels // row.stride) - 1) * row.stride + row.width - pixels, 0
            )
            edges += [total // 2, total - total // 2]
        return tuple(edges)

    @staticmethod
    def _crop(row: Layer, x: torch.Tensor, size: torch.Size) -> torch.Tensor:
        if row.padding == "VALID":
            return x
        slices = []
        for full, pixels in zip(x.shape[2:], size, strict=True):
            if isinstance(row.padding, int):
                slices.append(slice(row.padding, full - row.padding))
            else:
                start = max(full - pixels * row.stride, 0) // 2
                slices.append(slice(start, start + pixels * row.stride))
        return x[:, :, slices[0], slices[1]]


def _activate(row: Layer, x: torch.Tensor) -> torch.Tensor:
    name = row.activation
    if name.startswith("Leak"):
        return F.leaky_relu(x, float(name.removeprefix("Leak")))
    if name.startswith("Maxout"):
        return x.unflatten(1, (row.channels, -1)).amax(2)
    if name == "ExpN":  # AMM, eq. 20
        return torch.exp(0.5 * x) * torch.randn_like(x)
    if name == "Softmax":
        return torch.softmax(x, dim=1)
    functions = {"ReLU": F.relu, "Tanh": torch.tanh, "Sigmoid": torch.sigmoid}
    return functions.get(name, F.softplus)(x) if name else x

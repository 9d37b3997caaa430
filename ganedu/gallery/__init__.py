"""Generators of textures that `make.py` trains and keeps here: `ganedu art` then draws with them at once."""

from pathlib import Path

import numpy as np
import torch

from ganedu.texture import TextureGenerator

FOLDER = Path(__file__).parent
# Which pictures each file draws; one that draws several tells them apart by y, in this order.
FILES = {
    "hubble_deep_field": ("hubble_deep_field",),
    "gravel": ("gravel",),
    "brick": ("brick",),
    "grass": ("grass",),
    "brick_and_grass": ("brick", "grass"),
}


def painter(name, folder=FOLDER):
    """The trained generator of FILES[name], ready to draw with `texture.tile`."""
    with np.load(Path(folder) / f"{name}.npz") as found:
        weights = {key: torch.from_numpy(found[key].astype(np.float32)) for key in found.files}
    kinds = len(FILES[name])
    G = TextureGenerator(
        channels=len(weights["net.9.bias"]),
        kinds=kinds if kinds > 1 else None,
        width=weights["net.9.weight"].shape[0],
    )
    G.load_state_dict(weights)
    return G.eval().requires_grad_(False)


def save(G, path):
    """Write G's weights in float16: half the size, and no one sees it."""
    state = {name: value.cpu() for name, value in G.state_dict().items()}
    halves = {name: v.half() if v.is_floating_point() else v for name, v in state.items()}
    np.savez_compressed(path, **{name: value.numpy() for name, value in halves.items()})

"""Single pictures x [C, H, W] in [-1, 1]: a file of the reader's own, or one that a package brings along.

`named(name)` reads what scikit-image, scikit-learn and matplotlib ship; `read(path)` any picture file as
viewers show it. Both shrink it to a side that suits patches of 32 pixels, and never enlarge it.
"""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from ganedu.data import as_shown, opened
from ganedu.names import nearest

LEAST = 64  # pixels of the shorter side
SIDE = 256  # the shorter side that a picture is shrunk to, if nothing else is said


@dataclass(frozen=True)
class Shipped:
    """A picture that comes with a package: where it lies, how large it is used, and who made it."""

    package: str  # as it is imported
    file: str  # inside the package
    side: int  # the shorter side that suits patches of 32 pixels
    credit: str  # who made it, and under which licence


SKIMAGE, SKLEARN, MATPLOTLIB = "skimage.data", "sklearn.datasets.images", "matplotlib"
CC0 = "CC0 1.0"
SHIPPED = {
    "hubble_deep_field": Shipped(
        SKIMAGE, "hubble_deep_field.jpg", 305, "Hubble eXtreme Deep Field, NASA/ESA, public domain"
    ),
    "ihc": Shipped(
        SKIMAGE, "ihc.png", 256, "Stained tissue, CMMI, no known copyright restrictions"
    ),
    "terrain": Shipped(
        MATPLOTLIB,
        "mpl-data/sample_data/jacksboro_fault_dem.npz",
        320,
        "Elevation at the Jacksboro fault (USGS, public domain), shaded by ganedu",
    ),
    "gravel": Shipped(SKIMAGE, "gravel.png", 192, f"Gravel04, CC0Textures, {CC0}"),
    "brick": Shipped(SKIMAGE, "brick.png", 192, f"Bricks25, CC0Textures, {CC0}"),
    "grass": Shipped(SKIMAGE, "grass.png", 192, f"Grass 01, linolafett, {CC0}"),
    "coffee": Shipped(SKIMAGE, "coffee.png", 256, f"Coffee cup, Rachel Michetti, {CC0}"),
    "retina": Shipped(SKIMAGE, "retina.jpg", 320, f"Fundus of a left eye, Mikael Häggström, {CC0}"),
    "china": Shipped(SKLEARN, "china.jpg", 256, "Summer palace, danielbuechele, CC BY 2.0"),
    "flower": Shipped(SKLEARN, "flower.jpg", 256, "Dahlia, vultilion, CC BY 2.0"),
}


def named(name, side=None):
    """The picture of that name in SHIPPED: x [C, H, W], gray ones with C = 1."""
    if name not in SHIPPED:
        raise ValueError(f"no picture called {name!r} comes along{nearest(name, SHIPPED)}")
    known = SHIPPED[name]
    path = _file(known)
    side = known.side if side is None else side
    if path.suffix == ".npz":
        return to_tensor(_shrunk(_shaded(path), side))
    return read(path, side)


def read(path, side=SIDE):
    """Any picture file as viewers show it, its shorter side at most `side`: x [C, H, W], gray ones C = 1."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"no picture at {path}, and none comes along{nearest(path, SHIPPED)}"
        )
    if not side >= LEAST:
        raise ValueError(f"side must be at least {LEAST} pixels; got {side}")
    try:
        with opened(path) as picture:
            size = picture.size
            picture.draft("RGB", _fitting(picture.size, side))  # JPEG: decoded small at once
            x = to_tensor(_shrunk(as_shown(ImageOps.exif_transpose(picture)), side))
    except OSError as error:  # a cut file, or none of a picture
        how = "as a picture" if isinstance(error, UnidentifiedImageError) else "to its end"
        raise ValueError(f"{path} cannot be read {how}: {error}") from None
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read as a picture: {error}") from None
    if min(size) < LEAST:
        raise ValueError(
            f"{path} has {size[0]} x {size[1]} pixels: a GAN of patches needs at least {LEAST} a side"
        )
    return x


def to_tensor(picture):
    """A PIL picture in RGB -> x [3, H, W] in [-1, 1]; [1, H, W] where its three channels are the same."""
    pixels = torch.tensor(np.asarray(picture)).permute(2, 0, 1)  # bytes [3, H, W]
    if (pixels == pixels[:1]).all():
        pixels = pixels[:1]
    return pixels / 127.5 - 1


def _fitting(size, side):
    """The size with the shorter side at most `side`, of the same proportions."""
    scale = min(1, side / min(size))
    return tuple(max(1, round(length * scale)) for length in size)


def _shrunk(picture, side):
    return picture.resize(_fitting(picture.size, side), Image.Resampling.LANCZOS, reducing_gap=3)


def _file(known):
    try:
        path = Path(str(resources.files(known.package))) / known.file
    except ModuleNotFoundError:
        needed = known.package.split(".")[0].replace("skimage", "scikit-image")
        raise ModuleNotFoundError(
            f"this picture comes with {needed}, which is not installed: pip install {needed}"
        ) from None
    if not path.is_file():
        raise FileNotFoundError(
            f"{known.file} is not in this version of {known.package}: choose another picture"
        )
    return path


def _shaded(path):
    """An elevation map as a picture: coloured by height, lit from the northwest."""
    from matplotlib import colormaps
    from matplotlib.colors import LightSource

    with np.load(path) as found:
        height = found["elevation"].astype(float)
    light = LightSource(azdeg=315, altdeg=45)
    rgb = light.shade(
        height, cmap=colormaps["gist_earth"], vert_exag=0.08, blend_mode="soft", dx=1, dy=1
    )
    return Image.fromarray((rgb[:, :, :3] * 255).round().astype(np.uint8))

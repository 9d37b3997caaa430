"""A trained generator behind sliders: which class, how near to the middle of z, and steps along directions.

First the directions in which pictures change most and the words for a picture; then the sliders.
"""

import base64
import math
from operator import index

import ipywidgets as widgets
import torch
from matplotlib.patches import Rectangle

from ganedu import steering, viz
from ganedu.player import in_turn, stacked
from ganedu.player.game import WIDGET_VIEW
from ganedu.pretrained import Digits, digits_generator
from ganedu.trainer import evaluating, latent

WIDE = {"width": "480px"}
WORDS = {"description_width": "8em"}
STILL = "digits that a trained generator draws; with a kernel, sliders for the digit and for z"
NONE = 3.0  # a limit that hardly any number of z reaches


@torch.no_grad()
def directions(G, k=3, n=500):
    """k unit vectors [k, d] in z along which G's pictures change most, the most first.

    The least-squares line from z [n, d] to pictures [n, pixels], all classes together, and the singular
    vectors of its slope. Each points to where there is more ink.
    """
    G = _bare(G)
    rng = torch.Generator().manual_seed(0)
    z = latent(G, n, rng)
    with evaluating(G):
        pictures = _draw(G, z, torch.arange(n)).flatten(1)  # [n, pixels]
    slope = steering.slopes(z, pictures).T  # [d, pixels]
    found = torch.linalg.svd(slope, full_matrices=False).U.T[:k]  # [k, d]
    return found * (found @ slope).sum(1, keepdim=True).sign()


def _bare(G):
    """Of digits whose z begins with the choice of a digit, the generator that is told the digit."""
    return G.G if isinstance(G, Digits) else G


def _draw(G, z, y):
    """Pictures of z, of the classes y where G has classes (counted on from the last to the first)."""
    classes = getattr(G, "n_classes", None)
    return G(z) if classes is None else G(z, y % classes)


def in_words(x):
    """A picture [C, H, W] for those who do not see it: its ink (or brightness), size and slant."""
    ink = (x.mean(0) + 1) / 2  # [H, W], 0 to 1
    rows, columns = ((ink > 0.5).any(axis).nonzero().flatten() for axis in (1, 0))
    if len(rows) == 0:
        return "an empty picture"
    high, wide = (int(line[-1] - line[0]) + 1 for line in (rows, columns))
    degrees = _lean(ink)
    side = "right" if degrees > 0 else "left"
    lean = "upright" if abs(degrees) < 3 else f"leaning {abs(degrees):.0f}° {side}"
    return f"{wide} pixels wide, {high} high, {lean}, ink on {ink.mean():.0%} of the picture"


def _lean(ink):
    """How far the ink's rows move to the side from the foot of a picture to its head, in degrees."""
    share = ink / ink.sum()
    down, across = (torch.arange(float(side)) for side in ink.shape)
    down = down[:, None] - down @ share.sum(1)  # [H, 1]
    across = across - across @ share.sum(0)  # [W]
    shear = (share * down * across).sum() / (
        share * down**2
    ).sum()  # pixels to the right a row down
    return math.degrees(math.atan(-shear))


class DigitExplorer:
    """Sliders for the class, for truncation, for steps along directions and for any number of z.

    G is any generator of pictures: z -> x, or (z, y) -> x with `.n_classes`; the digits that come with the
    course by default. `along` names directions, {"slant": [d], ...}; by default the three along which
    pictures change most. The large picture is the one asked for. The small ones are all classes from the
    same z; where there are none, a walk along the first direction.
    """

    def __init__(self, G=None, *, along=None, y=3, seed=0):
        self.G = _bare(digits_generator() if G is None else G)
        self.classes = getattr(self.G, "n_classes", None)
        if along is None:
            along = {f"direction {i + 1}": v for i, v in enumerate(directions(self.G))}
        self.directions = torch.stack([steering.unit(v) for v in along.values()])  # [k, d]
        self.rng = torch.Generator().manual_seed(index(seed))
        self.y = _whole("class", y, (self.classes or 1) - 1)
        self.limit = _slider("limit of z", NONE, 0.2, NONE)
        self.along = [_slider(name, 0.0, -3, 3) for name in along]
        self.which = _whole("entry of z", 0, len(self.directions[0]) - 1)
        self.value = _slider("its value", 0.0, -3, 3)
        self.button = widgets.Button(description="new z")
        self.picture = widgets.Image(format="png", layout={"width": "640px", "max_width": "100%"})
        self.words = widgets.HTML()
        self.z = None
        self.new_z()
        self.button.on_click(self.new_z)
        self.which.observe(self._show_value, names="value")
        self.value.observe(self._set_value, names="value")
        for control in (self.y, self.limit, *self.along):
            control.observe(self.update, names="value")
        first = [] if self.classes is None else [self.y]
        controls = (*first, self.limit, *self.along, self.which, self.value, self.button)
        self.box = stacked(*controls, self.picture, self.words)

    @in_turn
    def new_z(self, _=None):
        """Another random z; the steps go back to 0."""
        z = latent(self.G, 1, self.rng)
        self.z = None  # while the sliders move, nothing is drawn
        for slider in self.along:
            slider.value = 0.0
        self.z = z
        self._show_value()
        self.update()

    @in_turn
    def update(self, _=None):
        """Draw for where the sliders stand now."""
        if self.z is None:
            return
        large, small, chosen = self.draw()
        if not hasattr(self, "canvas"):
            title = "A walk along the first direction" if self.classes is None else "All classes"
            self.canvas = _Canvas(small, title)
        self.canvas.show(large, small, chosen)
        self.picture.value = viz.png(self.canvas.fig)
        name = "" if self.classes is None else f"Class {self.y.value}: "
        self.words.value = f'<div role="status" aria-live="polite">{name}{in_words(large)}.</div>'

    def draw(self):
        """The picture asked for [C, H, W], the small ones [n, C, H, W], and which of these it is."""
        z = truncated_to(self.z, self.limit.value).flatten()  # [d]
        by = torch.tensor([slider.value for slider in self.along])
        z = z + by @ self.directions
        if self.classes is None:
            walk = torch.linspace(-3, 3, 11)[:, None] * self.directions[0]
            one, small, chosen = z[None], z + walk, 5
        else:
            one, small, chosen = z[None], z.expand(self.classes, -1), self.y.value
        with torch.no_grad(), evaluating(self.G):
            shape = self.G.z_shape if hasattr(self.G, "z_shape") else (self.G.z_dim,)
            small = _draw(self.G, small.reshape(-1, *shape), torch.arange(len(small)))
            large = _draw(self.G, one.reshape(-1, *shape), torch.tensor([self.y.value]))
        return large[0], small, chosen

    @in_turn
    def _show_value(self, _=None):
        """The slider of one number of z moves to that number."""
        z, self.z = self.z, None
        self.value.value = round(z.flatten()[self.which.value].item(), 1)
        self.z = z

    @in_turn
    def _set_value(self, _=None):
        if self.z is not None:
            self.z = self.z.clone()
            self.z.view(-1)[self.which.value] = self.value.value
            self.update()

    def _repr_mimebundle_(self, include=None, exclude=None):
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        picture = base64.b64encode(self.picture.value).decode()
        bundle = {WIDGET_VIEW: view, "image/png": picture, "text/plain": STILL}
        return bundle, viz.shown(self.canvas.fig, STILL)


def truncated_to(z, limit):
    """z whose numbers moved to the same quantile of a normal number that stays within +-limit.

    What `steering.truncated` draws, as a smooth function of z: a slider does not jump. At NONE, z itself.
    """
    if limit >= NONE:
        return z
    outside = torch.special.ndtr(torch.tensor(-limit))
    p = outside + (1 - 2 * outside) * torch.special.ndtr(z)
    return torch.special.ndtri(p).clamp(-limit, limit)


class _Canvas:
    """One large picture and all small ones; made once, and its pictures changed afterwards."""

    def __init__(self, small, title):
        self.columns = -(-len(small) // 2) if len(small) > 3 else len(small)
        self.side = torch.tensor(small.shape[2:]).tolist()  # height, width
        self.fig, (one, ten) = viz.figure(
            2, height=2.7, live=True, gridspec_kw={"width_ratios": (1, 1.9)}
        )
        blank = torch.full_like(small, -1.0)
        viz.images(blank[:1], ax=one, columns=1)
        viz.images(blank, ax=ten, columns=self.columns, title=title)
        self.images = [ax.images[0] for ax in (one, ten)]
        look = {"fill": False, "linewidth": 3, "edgecolor": viz.FOURTH, "clip_on": False}
        height, width = self.side
        self.frame = ten.add_patch(Rectangle((0, 0), width + 1, height + 1, **look))
        viz.png(self.fig)  # lays the two out, once
        self.fig.set_layout_engine("none")

    def show(self, large, small, chosen):
        self.images[0].set_data(viz.tile(large[None], 1))
        self.images[1].set_data(viz.tile(small, self.columns))
        height, width = self.side
        row, column = divmod(chosen, self.columns)
        self.frame.set_xy(((width + 2) * column, (height + 2) * row))


def _slider(name, value, low, high):
    return widgets.FloatSlider(
        value,
        min=low,
        max=high,
        step=0.1,
        description=name,
        readout_format=".1f",
        layout=WIDE,
        style=WORDS,
    )


def _whole(name, value, high):
    return widgets.IntSlider(value, 0, high, description=name, layout=WIDE, style=WORDS)

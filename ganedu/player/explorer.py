"""A trained generator behind sliders: which digit, and where in the space of z its picture is.

First the directions in which pictures change most and the words for a picture; then the sliders.
"""

import base64
import math

import ipywidgets as widgets
import torch
from matplotlib.patches import Rectangle

from ganedu import viz
from ganedu.player.game import WIDGET_VIEW
from ganedu.pretrained import digits_generator
from ganedu.trainer import latent

WIDE = {"width": "480px"}
STILL = "digits that a trained generator draws; with a kernel, sliders for the digit and for z"


@torch.no_grad()
def directions(G, k=3, n=500):
    """k unit vectors [k, d] in the noise of z along which G's pictures change most, the most first.

    The least-squares line from noise [n, d] to pictures [n, 784], all classes together, and the singular
    vectors of its slope. Each points to where there is more ink.
    """
    z = latent(G, n, torch.Generator().manual_seed(0))
    noise = z[:, G.n_classes :].flatten(1)  # [n, d]
    pictures = G(z).flatten(1)  # [n, 784]
    slope = torch.linalg.lstsq(noise, pictures - pictures.mean(0)).solution  # [d, 784]
    found = torch.linalg.svd(slope, full_matrices=False).U.T[:k]  # [k, d]
    return found * (found @ slope).sum(1, keepdim=True).sign()


def in_words(x):
    """A picture [1, 28, 28] for those who do not see it: its ink, size and slant."""
    ink = (x[0] + 1) / 2  # [28, 28], 0 to 1
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
    place = torch.arange(28.0)
    y, x = place @ share.sum(1), place @ share.sum(0)
    down, across = place[:, None] - y, place - x
    shear = (share * down * across).sum() / (
        share * down**2
    ).sum()  # pixels to the right a row down
    return math.degrees(math.atan(-shear))


class DigitExplorer:
    """A slider for the digit, one for each of three directions in z, and a button for a new z.

    The large picture is the digit asked for; the small ones are all ten, drawn from the same noise.
    """

    def __init__(self, digit=3, seed=0, G=None):
        self.G = digits_generator() if G is None else G
        self.directions = directions(self.G)  # [3, d]
        self.rng = torch.Generator().manual_seed(seed)
        self.digit = widgets.IntSlider(digit, 0, 9, description="digit", layout=WIDE)
        self.along = [_slider(f"direction {k}") for k in (1, 2, 3)]
        self.button = widgets.Button(description="new z")
        self.picture = widgets.Image(format="png", layout={"width": "640px", "max_width": "100%"})
        self.words = widgets.HTML()
        self.canvas = _Canvas()
        self.new_z()
        self.button.on_click(self.new_z)
        for control in (self.digit, *self.along):
            control.observe(self.update, names="value")
        controls = (self.digit, *self.along, self.button)
        self.box = widgets.VBox([*controls, self.picture, self.words])

    def new_z(self, _=None):
        """Another random z; the sliders move to where it lies along the three directions."""
        z = latent(self.G, 1, self.rng)
        self.z = None  # while the sliders move, nothing is drawn
        for slider, place in zip(self.along, self.directions @ self._noise(z)):
            slider.value = round(place.item(), 1)
        self.z = z
        self.update()

    def update(self, _=None):
        """Draw for where the sliders stand now."""
        if self.z is None:
            return
        ten = self.draw()
        self.canvas.show(ten, self.digit.value)
        self.picture.value = viz.png(self.canvas.fig)
        words = f"A {self.digit.value}: {in_words(ten[self.digit.value])}."
        self.words.value = f'<div role="status" aria-live="polite">{words}</div>'

    def draw(self):
        """All ten digits [10, 1, 28, 28] from the noise that the sliders stand for."""
        noise = self._noise(self.z)
        places = torch.tensor([slider.value for slider in self.along])
        noise = noise + (places - self.directions @ noise) @ self.directions  # [d]
        label = torch.zeros(self.G.z_dim - len(noise))  # not used: y says which digit
        z = torch.cat([label, noise]).view(1, *self.G.z_shape).expand(10, -1, -1, -1)
        with torch.no_grad():
            return self.G(z, torch.arange(10))

    def _noise(self, z):
        return z[0, self.G.n_classes :].flatten()  # [d]

    def _repr_mimebundle_(self, include=None, exclude=None):
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        picture = base64.b64encode(self.picture.value).decode()
        bundle = {WIDGET_VIEW: view, "image/png": picture, "text/plain": STILL}
        return bundle, viz.shown(self.canvas.fig, STILL)


class _Canvas:
    """One large digit and all ten small; made once, and its pictures changed afterwards."""

    def __init__(self):
        self.fig, (one, ten) = viz.figure(
            2, height=2.7, live=True, gridspec_kw={"width_ratios": (1, 1.9)}
        )
        blank = torch.full((10, 1, 28, 28), -1.0)
        viz.images(blank[:1], ax=one, columns=1)
        viz.images(blank, ax=ten, columns=5, title="All ten digits from the same noise")
        self.images = [ax.images[0] for ax in (one, ten)]
        look = {"fill": False, "linewidth": 3, "edgecolor": viz.FOURTH, "clip_on": False}
        self.frame = ten.add_patch(Rectangle((0, 0), 29, 29, **look))
        viz.png(self.fig)  # lays the two out, once
        self.fig.set_layout_engine("none")

    def show(self, ten, digit):
        self.images[0].set_data(viz.tile(ten[digit : digit + 1], 1))
        self.images[1].set_data(viz.tile(ten, 5))
        self.frame.set_xy((30 * (digit % 5), 30 * (digit // 5)))


def _slider(name):
    return widgets.FloatSlider(
        min=-2.5, max=2.5, step=0.1, description=name, readout_format=".1f", layout=WIDE
    )

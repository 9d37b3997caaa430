"""The game on a line: slide q over p, and watch D*, JS and the gradient that G would get.

A face on `ganedu.densities`, which has the mathematics: D is the perfect one, and nothing is trained.
The sliders and the switch are also moved by the arrow keys; the line of words says what is seen.
"""

import base64
import math

import ipywidgets as widgets
import torch

from ganedu import viz
from ganedu.densities import gradients, js, log_hills, optimal_d, value
from ganedu.player import in_turn, stacked

LOG2 = math.log(2)
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
DATA = {"one hill": ((0.0, 1.0),), "two hills": ((-1.5, 0.6), (1.5, 0.6))}  # (mean, std) each


class GameOnALine:
    """Two sliders move q, a switch chooses the data; the picture and a line of words follow."""

    x = torch.linspace(-15, 15, 501, dtype=torch.float64)  # [k], wide enough for any q
    means = torch.linspace(-8, 8, 161, dtype=torch.float64)[:, None]  # [161, 1]: all places for q

    def __init__(self, mean=2.0, std=0.7, data="one hill"):
        self.mean = _slider("q's mean", mean, -8.0, 8.0)
        self.std = _slider("q's width", std, 0.3, 2.0)
        self.data = widgets.ToggleButtons(options=list(DATA), value=data, description="the data")
        self.picture = widgets.Image(format="png", layout={"width": "800px", "max_width": "100%"})
        self.words = widgets.HTML()
        controls = (self.mean, self.std, self.data)
        for control in controls:
            control.observe(self.update, names="value")
        self.canvas = _Canvas()
        self.update()
        self.box = stacked(*controls, self.picture, self.words)

    @in_turn
    def update(self, _=None):
        """Draw for where the sliders stand now."""
        log_p, log_q = self._logs(self.mean.value)
        self.canvas.show_game(self.x, log_p.exp(), log_q.exp())
        log_p, log_q = self._logs(self.means)  # [k], [81, k]
        found = js(self.x, log_p.exp(), log_q.exp())
        here = int((self.means - self.mean.value).abs().argmin())
        self.canvas.show_all_means(self.means, found, *gradients(self.x, log_p, log_q), here)
        self.picture.value = viz.png(self.canvas.fig)
        self.words.value = f'<div role="status" aria-live="polite">{self.text()}</div>'

    def text(self):
        """The state of the game in words, for those who do not see the picture."""
        log_p, log_q = self._logs(self.mean.value)
        p, q = log_p.exp(), log_q.exp()
        found, best = float(js(self.x, p, q)), float(value(self.x, p, q, log_p - log_q))
        minimax, nonsaturating = (float(g) for g in gradients(self.x, log_p, log_q))
        return (
            f"q at {self.mean.value:.1f}, width {self.std.value:.1f}: JS = {found:.2f}, "
            f"V(D*) = {_plain(best)}. Gradient on q's mean: {_signed(minimax)} "
            f"(minimax), {_signed(nonsaturating)} (non-saturating)."
        )

    def _logs(self, mean):
        """Log-densities of the data and of q with this mean (a number, or many [n, 1])."""
        return log_hills(self.x, *DATA[self.data.value]), log_hills(self.x, (mean, self.std.value))

    def _repr_mimebundle_(self, include=None, exclude=None):
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        picture = base64.b64encode(self.picture.value).decode()
        bundle = {WIDGET_VIEW: view, "image/png": picture, "text/plain": self.text()}
        return bundle, viz.shown(self.canvas.fig, self.text())


class _Canvas:
    """The picture's three panels; every curve is made once and moved afterwards, which is fast."""

    def __init__(self):
        self.fig, (game, js_, slope) = viz.figure(
            3, height=2.7, width=10, live=True, gridspec_kw={"width_ratios": (1.6, 1, 1)}
        )
        self.p = _filled(game, viz.REAL, "p, real")
        self.q = _filled(game, viz.FAKE, "q, fake", hatch="///")
        self.D = _line(game, "black", "D*")
        self.js = _line(js_, viz.THIRD, "JS")
        self.minimax = _line(slope, viz.THIRD, "minimax")
        self.nonsaturating = _line(slope, viz.FOURTH, "non-saturating", ":")
        self.dots = [_line(ax, viz.FAKE, None, "o") for ax in (js_, slope, slope)]
        for dot in self.dots[:2]:
            dot.set(clip_on=False, in_layout=False)  # whole at the edge, too
        js_.axhline(LOG2, color=viz.GREY, linestyle="--")
        slope.axhline(0, color=viz.GREY, linewidth=0.8)
        game.set(xlim=(-8, 8), ylim=(0, 1.35), xlabel="x", ylabel="density, D*")
        js_.set(xlim=(-8, 8), ylim=(0, 0.8), xlabel="q's mean", ylabel="JS (nats)")
        slope.set(xlim=(-8, 8), ylim=(-2.5, 2.5), xlabel="q's mean", ylabel="gradient on q's mean")
        viz.titled(game, "D* = p / (p + q)")
        viz.titled(js_, "JS for every place of q")
        viz.titled(slope, "What G would feel")
        game.legend(loc="upper left", ncols=3, fontsize=9)
        slope.legend(loc="lower right", fontsize=9)
        viz.png(self.fig)  # lays the panels out, once
        self.fig.set_layout_engine("none")

    def show_game(self, x, p, q):
        for area, density in ((self.p, p), (self.q, q)):
            area.set_xy(torch.stack([x, density], dim=1))  # [k, 2]
        self.D.set_data(x, optimal_d(p, q))

    def show_all_means(self, means, found, minimax, nonsaturating, here):
        curves = (self.js, self.minimax, self.nonsaturating)
        for curve, dot, values in zip(curves, self.dots, (found, minimax, nonsaturating)):
            curve.set_data(means[:, 0], values)
            dot.set_data(means[here], values[here : here + 1])


def _filled(ax, colour, name, **look):
    return ax.fill([0, 0], [0, 0], color=colour, alpha=0.35, label=name, **look)[0]


def _line(ax, colour, name, style="-"):
    return ax.plot([], [], style, color=colour, label=name)[0]


def _slider(name, start, low, high):
    return widgets.FloatSlider(
        value=start,
        min=low,
        max=high,
        step=0.1,
        description=name,
        readout_format=".1f",
        layout={"width": "480px"},
    )


def _plain(number):
    return f"{number:.2f}".replace("-0.00", "0.00")


def _signed(number):
    return f"{number:+.2f}".replace("-0.00", "+0.00")

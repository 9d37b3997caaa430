"""The dance on a plane: steer the steps of the smallest GAN, and see whether its players come home.

A face on `ganedu.dirac`, which has the mathematics. The sliders and switches are also moved by the
arrow keys; the line of words says what is seen.
"""

import base64
import math
from functools import partial

import ipywidgets as widgets
import torch

from ganedu import dirac, viz
from ganedu.player import in_turn, stacked

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
ORDERS = {"both at once": dirac.simultaneous, "in turn": dirac.alternating}
TIME = 60.0  # that is drawn, steps times h
NEAR, FAR = 0.1, 5.0  # what counts as home; where a path is cut off


class DanceOnAPlane:
    """Sliders for the step h, R1's gamma, the average's decay and the start; a switch for the order."""

    def __init__(self, h=0.2, gamma=0.0, decay=0.9, theta=1.0, psi=0.0, order="in turn"):
        self.h = _slider("step h", h, 0.02, 2.0, 0.02)
        self.gamma = _slider("γ of R1", gamma, 0.0, 3.0, 0.05)
        self.decay = _slider("EMA decay", decay, 0.0, 0.99, 0.01)
        self.theta = _slider("start: θ", theta, -1.9, 1.9, 0.1)
        self.psi = _slider("start: ψ", psi, -1.9, 1.9, 0.1)
        self.order = widgets.ToggleButtons(options=list(ORDERS), value=order, description="steps")
        self.picture = widgets.Image(format="png", layout={"width": "800px", "max_width": "100%"})
        self.words = widgets.HTML()
        controls = (self.h, self.gamma, self.decay, self.theta, self.psi, self.order)
        for control in controls:
            control.observe(self.update, names="value")
        self.canvas = _Canvas()
        self.update()
        self.box = stacked(*controls, self.picture, self.words)

    @in_turn
    def update(self, _=None):
        """Draw for where the sliders stand now."""
        self.path = self._path()  # [n + 1, 2]
        self.mean = dirac.averaged(self.path, self.decay.value)  # [n + 1, 2]
        self.canvas.show(self.path, self.mean, self.h.value)
        self.picture.value = viz.png(self.canvas.fig)
        self.words.value = f'<div role="status" aria-live="polite">{self.text()}</div>'

    def _path(self):
        start = torch.tensor([self.theta.value, self.psi.value], dtype=torch.float64)
        field = partial(dirac.field, gamma=self.gamma.value)
        steps = math.ceil(TIME / self.h.value)
        path = dirac.walk(ORDERS[self.order.value], field, start, self.h.value, steps)
        out = (~(path.norm(dim=1) < FAR)).nonzero()
        return path[: int(out[0]) + 1] if len(out) else path

    def text(self):
        """The state of the dance in words, for those who do not see the picture."""
        first, last = (float(self.path[k].norm()) for k in (0, -1))
        return (
            f"Steps of h = {self.h.value:.2f}, {self.order.value}, γ = {self.gamma.value:.2f}, from "
            f"θ = {self.theta.value:.1f}, ψ = {self.psi.value:.1f} (distance {first:.2f}): after "
            f"{len(self.path) - 1} steps at distance {last:.2f}, {self._fate()}. "
            f"Their average (decay {self.decay.value:.2f}) is at {float(self.mean[-1].norm()):.2f}."
        )

    def _fate(self):
        if len(self.path) - 1 < math.ceil(TIME / self.h.value):
            return "gone from the picture"
        time = dirac.home_time(self.path, self.h.value, NEAR)
        return f"home at time {time:.1f}" if time < math.inf else "not home"

    def _repr_mimebundle_(self, include=None, exclude=None):
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        picture = base64.b64encode(self.picture.value).decode()
        bundle = {WIDGET_VIEW: view, "image/png": picture, "text/plain": self.text()}
        return bundle, viz.shown(self.canvas.fig, self.text())


class _Canvas:
    """The two panels, plane and distance; every line is made once and moved afterwards."""

    def __init__(self):
        self.fig, (plane, distance) = viz.figure(
            2, height=3.4, width=10, live=True, gridspec_kw={"width_ratios": (1, 1.4)}
        )
        (self.players,) = plane.plot([], [], ".-", color=viz.GREY, lw=0.8, ms=4, label="players")
        (self.mean,) = plane.plot([], [], color="black", lw=1.4, label="their average")
        (self.start,) = plane.plot([], [], "o", color=viz.THIRD, ms=8, mfc="white", label="start")
        (self.end,) = plane.plot([], [], "o", color=viz.THIRD, ms=8, label="end")
        plane.plot(0, 0, "+", color="black", ms=13, mew=2)
        plane.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xlabel="θ, of G", ylabel="ψ, of D")
        (self.far,) = distance.plot([], [], color=viz.GREY, label="players")
        (self.mean_far,) = distance.plot([], [], color="black", lw=1.4, label="their average")
        distance.axhline(NEAR, color=viz.THIRD, linestyle="--", label="home")
        distance.set(xlim=(0, TIME), ylim=(1e-3, 10), yscale="log", xlabel="time: steps times h")
        distance.set(ylabel="distance from the cross")
        distance.legend(loc="lower left", fontsize=9)
        viz.titled(plane, "The players' two numbers")
        viz.titled(distance, "How far from home")
        viz.png(self.fig)  # lays the panels out, once
        self.fig.set_layout_engine("none")

    def show(self, path, mean, h):
        times = h * torch.arange(len(path))
        self.players.set_data(*path.T)
        self.mean.set_data(*mean.T)
        self.start.set_data(path[:1, 0], path[:1, 1])
        self.end.set_data(path[-1:, 0], path[-1:, 1])
        self.far.set_data(times, path.norm(dim=1))
        self.mean_far.set_data(times, mean.norm(dim=1))


def _slider(name, start, low, high, step):
    return widgets.FloatSlider(
        value=start,
        min=low,
        max=high,
        step=step,
        description=name,
        readout_format=".2f",
        layout={"width": "480px"},
    )

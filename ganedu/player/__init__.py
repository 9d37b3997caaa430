"""Interactive pictures, each with a still picture of itself for where no kernel runs."""

from functools import wraps
from threading import RLock

import ipywidgets as widgets

DRAWING = RLock()
# ipywidgets names the label before a slider, not its handle, which is what screen readers stop at, and
# gives pictures no alternative text. A front end that drops handlers loses nothing else.
NAMES = """<img hidden alt="" src="data:," onerror="
const box = this.closest('.widget-vbox');
const name = () => {
  box.querySelectorAll('[role=slider]:not([aria-label])').forEach(handle =>
    handle.setAttribute('aria-label',
      handle.closest('.widget-hslider').querySelector('.widget-label').textContent));
  box.querySelectorAll('img.widget-image:not([alt])').forEach(picture =>
    picture.alt = 'a picture; the words below it say what it shows');
};
new MutationObserver(name).observe(box, {childList: true, subtree: true});
name();">"""


def stacked(*children):
    """The controls, picture and words of a face, one below the other, every slider with its name."""
    names = widgets.HTML(NAMES, layout={"height": "0", "margin": "0"})
    return widgets.VBox([*children, names])


def in_turn(method):
    """The method of a face, run while no other draws: JupyterLab's sliders speak in two threads."""

    @wraps(method)
    def waiting(*args):
        with DRAWING:
            return method(*args)

    return waiting

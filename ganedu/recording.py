"""What is kept of a run while it trains, and how one waits for it.

    recorder = Recorder()
    with progress(trainer, 1000) as steps:
        for _ in steps:
            if trainer.step % 100 == 0:
                recorder.look(trainer)

A *row* is a dictionary of plain numbers, whoever made it. Looking changes nothing.
"""

import math
import os
import signal
import threading
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from tqdm.auto import tqdm

from ganedu import processes


@dataclass
class Recorder:
    """A row of numbers at each look, and samples of the same z where they are asked for."""

    measure: Callable | None = None  # trainer -> a dict of more numbers
    n: int = 0  # samples kept at each look
    rows: list = field(default_factory=list)  # one dict for each look: step, d_loss, g_loss, ...
    samples: list = field(default_factory=list)  # one tensor [n, ...] for each look, on the CPU

    def look(self, trainer):
        """Keep what there is to see now; nothing that came after a loss that was not finite."""
        trainer.check_finite()
        more = {} if self.measure is None else self.measure(trainer)
        self.rows.append({**numbers(trainer), **more})
        if self.n:
            self.samples.append(trainer.sample(self.n).cpu())

    def look_once(self, trainer):
        """Look, unless this step was looked at already."""
        if not self.rows or self.rows[-1]["step"] != trainer.step:
            self.look(trainer)


def numbers(trainer):
    """The latest step in plain numbers: step, d_loss, g_loss, and D's mean answer to real and to fake.

    The answers are d_real and d_fake, means of D = sigmoid(s), where the loss makes probabilities of
    its logits s; they are s_real and s_fake, mean scores, where it does not. nan before the first step.
    """
    now, loss = trainer.latest, trainer.loss
    names = ("d_real", "d_fake") if loss.probabilities else ("s_real", "s_fake")
    if not now:
        return {"step": trainer.step} | dict.fromkeys(("d_loss", "g_loss", *names), math.nan)
    answers = [s.sigmoid() if loss.probabilities else s for s in (now["real"], now["fake"])]
    return {
        "step": trainer.step,
        "d_loss": now["d_loss"].item(),
        "g_loss": now["g_loss"].item(),
        **{name: answer.mean().item() for name, answer in zip(names, answers)},
    }


@contextmanager
def progress(trainer, n, *, show=True):
    """`trainer.steps(n)` with a bar; after Ctrl-C (or Jupyter's stop button) the step under way is the last.

    Whether a run was stopped so can be seen from `trainer.step`. Of several processes one that is
    asked to stop stops all, after the same step.
    """
    with (
        stop_on_ctrl_c() as stop,
        tqdm(
            total=n,
            leave=False,
            delay=1,
            # nbval reads when a cell has ended, and its queue holds 2,000 messages
            mininterval=float(os.environ.get("TQDM_MININTERVAL", 0.5)),
            disable=not (show and processes.first()),
        ) as bar,
    ):
        yield _until(stop, bar, trainer.steps(n))


def _until(stop, bar, steps):
    parent = os.getppid()
    for now in steps:
        bar.update()
        yield now
        alone = processes.several() and os.getppid() != parent  # torchrun itself was killed
        if processes.any_of(stop.is_set() or alone):
            return


@contextmanager
def stop_on_ctrl_c():
    """An event that the first Ctrl-C sets, so that a step is never left half done.

    In a thread, or where a program handles Ctrl-C in its own way, nothing is changed. Of several
    processes none may leave the others in a step: they stop together, and at SIGTERM too, which
    torchrun sends.
    """
    asked = threading.Event()

    def ask(signum, frame):
        if asked.is_set() and not processes.several():
            raise KeyboardInterrupt  # the second time: at once
        asked.set()

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield asked
        return
    with ctrl_c(ask), _handling(signal.SIGTERM, ask) if processes.several() else nullcontext():
        yield asked


def ctrl_c(handler):
    """Ctrl-C means `handler` inside the block; in a thread, where no signal arrives, nothing changes."""
    return _handling(signal.SIGINT, handler)


@contextmanager
def _handling(number, handler):
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)

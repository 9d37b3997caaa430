"""A stand-in for a GPU: tensors that say they are on "cuda", compute on the CPU, and refuse to be mixed.

    with standin_device.gpu():
        Trainer(..., device="cuda").fit(3)

What it finds: a tensor that was made on the CPU and meets one of the GPU's, a CPU generator for a GPU's
draws and the other way round, `.numpy()` without `.cpu()`. What it cannot see: kernels that a GPU lacks
or rounds differently, waiting, memory, half precision, and anything that asks CUDA itself.

    python tests/standin_device.py 05        runs the code of lesson 05 on it, trainings cut short
"""

import contextlib
import json
import os
import sys
import traceback
from pathlib import Path
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_any, tree_map

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
MIXES = {"copy_", "_to_copy"}  # what may have tensors of both kinds
MOVES = {"to", "cuda", "cpu"}


class MixedDevices(RuntimeError):
    """What torch says on a machine with a GPU when tensors of both devices meet."""


class OnGPU(torch.Tensor):
    """A tensor that says it is on the GPU; `.inner` is the one on the CPU that holds its numbers."""

    @staticmethod
    def __new__(cls, inner):
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            requires_grad=False,
        )
        made.inner = inner
        return made

    @property
    def device(self):
        return GPU

    @property
    def is_cuda(self):
        return True

    def __repr__(self, *, tensor_contents=None):
        return f"{self.inner!r} on the stand-in GPU"

    def tolist(self):
        return self.inner.tolist()

    def numpy(self, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")

    def __array__(self, *args, **kwargs):
        return self.numpy()

    def __deepcopy__(self, memo):
        copied = OnGPU(self.inner.detach().clone()).requires_grad_(self.requires_grad)
        is_weight = isinstance(self, torch.nn.Parameter)
        return torch.nn.Parameter(copied, self.requires_grad) if is_weight else copied

    def __reduce_ex__(
        self, protocol
    ):  # saved as its numbers, as map_location="cpu" would read them
        return self.inner.detach().clone().__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(cls, op, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = op.overloadpacket.__name__
        to_cpu = name == "_to_copy" and kwargs.get("device") in (CPU, "cpu")
        if name not in MIXES:
            _refuse_mixing(name, args, kwargs)
        out = op(*tree_map(_inner, args), **tree_map(_inner, kwargs))
        if to_cpu:
            return out
        if name.endswith("_") and not name.startswith("_foreach") and isinstance(args[0], OnGPU):
            return args[0]
        return tree_map(lambda x: OnGPU(x) if isinstance(x, torch.Tensor) else x, out)


def _inner(x):
    return x.inner if isinstance(x, OnGPU) else x


def _stranger(x):  # a CPU's tensor of no dimension may meet a GPU's
    return isinstance(x, torch.Tensor) and not isinstance(x, OnGPU) and x.ndim > 0


def _refuse_mixing(name, args, kwargs):
    if "index" in name and isinstance(args[0], OnGPU):  # a GPU's tensor may be indexed from the CPU
        args = args[:1] + args[2:]
    if tree_any(_stranger, (args, kwargs)):
        raise MixedDevices(f"{name}: expected all tensors on one device, found cuda:0 and cpu")


class Generator(torch.Generator):
    """A generator of random numbers that knows on which device it is said to be."""

    def __new__(cls, device="cpu"):
        made = super().__new__(cls)
        made.place = GPU if torch.device(device).type == "cuda" else CPU
        return made

    @property
    def device(self):
        return self.place


class Placing(TorchFunctionMode):
    """Makes what is asked for on "cuda" on the CPU, wrapped; and checks the generators of draws."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name == "one_hot" and isinstance(
            args[0], OnGPU
        ):  # makes a tensor inside, where none looks
            return OnGPU(func(args[0].inner, *args[1:], **(kwargs or {})))
        place, args, kwargs = _asked_place(name, args, dict(kwargs or {}))
        rng = kwargs.get("generator")
        if rng is not None:
            tensors = [x for x in args if isinstance(x, torch.Tensor)]
            target = place or (tensors[0].device if tensors else CPU)
            if target.type != rng.device.type:
                raise MixedDevices(f"{name}: a generator of {rng.device} draws for {target}")
        if place is None:
            return func(*args, **kwargs)
        if name in MOVES:
            return _moved(args[0], place, *args[1:], **kwargs)
        if name == "as_tensor" and isinstance(args[0], OnGPU):
            return _moved(args[0], place, **kwargs)
        made = func(*tree_map(_inner, args), **kwargs)
        return OnGPU(made) if place.type == "cuda" else made


def _asked_place(name, args, kwargs):
    """The device asked for or None, and the arguments without it."""
    if name in ("cuda", "cpu"):
        return (GPU if name == "cuda" else CPU), args[:1], {}
    if name == "to" and len(args) > 1 and isinstance(args[1], torch.Tensor):
        return args[1].device, (args[0], args[1].dtype), kwargs
    if name == "to" and len(args) > 1 and isinstance(args[1], str | torch.device):
        return torch.device(args[1]), (args[0], *args[2:]), kwargs
    place = kwargs.pop("device", None)
    return (None if place is None else torch.device(place)), args, kwargs


def _moved(x, place, *args, dtype=None, memory_format=torch.preserve_format, **kwargs):
    """x on the other device, if it is not there; then as the dtype and layout say."""
    if place.type == "cuda" and not isinstance(x, OnGPU):
        x = _Place.apply(x)
    if place.type == "cpu" and isinstance(x, OnGPU):
        x = _Fetch.apply(x)
    dtype = dtype or next((a for a in args if isinstance(a, torch.dtype)), x.dtype)
    return x.to(dtype, memory_format=memory_format)


class _Place(torch.autograd.Function):
    """CPU -> GPU, with a gradient that goes back."""

    @staticmethod
    def forward(ctx, x):
        return OnGPU(x.detach())

    @staticmethod
    def backward(ctx, slope):
        return _inner(slope)


class _Fetch(torch.autograd.Function):
    """GPU -> CPU, with a gradient that goes back."""

    @staticmethod
    def forward(ctx, x):
        return x.inner.detach().clone()

    @staticmethod
    def backward(ctx, slope):
        return OnGPU(slope)


@contextlib.contextmanager
def gpu():
    """Inside, "cuda" is a device that `auto` takes."""
    old = torch.__future__.get_swap_module_params_on_conversion()
    own = torch.Generator()  # the GPU's, from which dropout draws there; here it is only kept
    seed_all = torch.manual_seed

    def manual_seed(seed):
        own.manual_seed(seed)
        return seed_all(seed)

    torch.__future__.set_swap_module_params_on_conversion(True)
    patches = (
        mock.patch("torch.cuda.is_available", lambda: True),
        mock.patch("torch.Generator", Generator),
        mock.patch("torch.manual_seed", manual_seed),
        mock.patch("torch.cuda.get_rng_state", lambda device: own.get_state()),
        mock.patch("torch.cuda.set_rng_state", lambda state, device: own.set_state(state)),
        mock.patch("ganedu.trainer._has_fast_bfloat16", lambda device: False),  # asks CUDA itself,
        *(  # and so does Adam, in all of torch's releases: whether a graph is being captured
            mock.patch.object(torch.optim.Optimizer, name, lambda self: None, create=True)
            for name in (
                "_accelerator_graph_capture_health_check",
                "_cuda_graph_capture_health_check",
            )
        ),
    )
    try:
        with contextlib.ExitStack() as stack:
            for patch in patches:
                stack.enter_context(patch)
            stack.enter_context(Placing())
            yield
    finally:
        torch.__future__.set_swap_module_params_on_conversion(old)


# ---------------------------------------------------------------- lessons


def run_lesson(file, most=6):
    """Run the code of a notebook on the stand-in, trainings cut to `most` steps: what went wrong.

    Sentences for errors of devices and types; others, and asserts, follow from the short trainings.
    """
    from ganedu.trainer import Trainer

    cells = [
        c["source"]
        for c in json.loads(file.read_text("utf-8"))["cells"]
        if c["cell_type"] == "code"
    ]
    names, found = {"__name__": "__main__"}, []
    short = {name: _cut(getattr(Trainer, name), most) for name in ("fit", "steps")}
    with mock.patch.multiple(Trainer, **short):
        for number, source in enumerate(cells):
            code = "".join(source)
            try:
                with gpu():
                    exec(compile(code, f"cell {number}", "exec"), names)
            except (MixedDevices, TypeError) as error:
                where = traceback.extract_tb(error.__traceback__)[-2]
                found.append(f"cell {number}: {error} ({Path(where.filename).name}:{where.lineno})")
            except Exception as error:
                print(f"  cell {number}: {type(error).__name__} after a short training", flush=True)
    return found


def _cut(method, most):
    return lambda self, n, **kwargs: method(self, min(n, most), **kwargs)


def main():
    import matplotlib
    from IPython.core.interactiveshell import InteractiveShell

    matplotlib.use("agg")
    os.environ["GANEDU_PROFILE"] = "lesson"
    InteractiveShell.instance()
    wrong = 0
    for chapter in sys.argv[1:]:
        for file in sorted((Path(__file__).parents[1] / "notebooks").glob(f"{chapter}*.ipynb")):
            print(file.name, flush=True)
            os.chdir(file.parent)
            for sentence in run_lesson(file):
                print("  WRONG", sentence, flush=True)
                wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""What a run is, as a value: compare, change by `dataclasses.replace`, write to a file and read again.

    plain = Recipe(data=ring, G=MLPGenerator, D=MLPDiscriminator, steps=3000)
    gentle = replace(plain, penalty=partial(r1, gamma=0.05), schedule=cosine)
    trainer = gentle.trainer(seed=0)

A part is a function or class of ganedu, or `partial` of one with its arguments; an argument that is a
`partial` itself is made first: D=partial(Packed, partial(MLPDiscriminator, in_dim=4), m=2). As text:

    schedule = "cosine"
    penalty = { name = "r1", gamma = 0.05 }
    D = { name = "Packed", m = 2, D = { name = "MLPDiscriminator", in_dim = 4 } }

A name is looked up in the module where such parts live, or is written with its module, as
"treatments.plane.critic". Nothing else of a computer can be called from a recipe's text.
"""

import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial

import torch

from ganedu.losses import Loss, nonsaturating
from ganedu.names import nearest
from ganedu.trainer import Trainer, check_seed, make_plain, whole

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Where the parts of each kind live, and the modules whose names may be used with a dot.
HOMES = {
    "data": "data",
    "G": "networks",
    "D": "networks",
    "loss": "losses",
    "penalty": "penalties",
    "schedule": "trainer",
    "penalty_schedule": "trainer",
    "kind": "trainer",
}
LENT = (*dict.fromkeys(HOMES.values()), "treatments.base", "treatments.plane")
LENT += ("treatments.stacks", "clinic.cases", "clinic.digits", "conditional", "augment", "texture")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that a run is but its seed and the device it runs on."""

    data: Callable  # makes p_data
    G: Callable  # makes G
    D: Callable  # makes D
    steps: int = 3000  # how long a run is
    loss: Loss = nonsaturating  # what each player minimises
    penalty: Callable | None = None  # (D, real, fake, rng) -> scalar, added to D's loss
    batch: int = 128  # examples in each step
    lr_g: float = 2e-4  # Adam's step size for G
    lr_d: float = 2e-4  # ... and for D
    betas: tuple[float, float] = (0.5, 0.999)  # Adam's two averages
    d_steps: int = 1  # D's steps for each step of G
    schedule: Callable | None = None  # steps -> (step -> factor on both step sizes)
    penalty_schedule: Callable | None = None  # steps -> (step -> factor on the penalty)
    ema: float | None = None  # decay of a running average of G
    precision: torch.dtype | None = None  # None: as the hardware likes
    kind: type = Trainer  # whose turns are taken

    def __post_init__(self):
        make_plain(self)
        self.plain()  # what cannot be named is said now, not when a checkpoint is written

    def trainer(self, seed=0, *, device="auto", data=None):
        """A Trainer with first weights and draws from `seed`; on `data` if it is made already."""
        data = made(self.data) if data is None else data
        seed = whole("seed", seed)
        check_seed(seed)
        torch.manual_seed(seed)  # the initial weights
        own = {
            f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("steps", "kind")
        }
        own |= {"data": data, "G": made(self.G), "D": made(self.D)}
        for name in ("schedule", "penalty_schedule"):
            own[name] = own[name] and own[name](self.steps)
        trainer = self.kind(**own, seed=seed, device=device)
        trainer.recipe = self
        return trainer

    def plain(self):
        """The recipe in words and numbers: two recipes are the same run if these are equal."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: spelled(v, HOMES.get(k)) for k, v in values.items() if v is not None}

    def to_toml(self):
        """The recipe as a TOML text that `from_toml` reads."""
        return "".join(f"{key} = {toml(value)}\n" for key, value in self.plain().items())

    @classmethod
    def from_toml(cls, text):
        """The recipe of a TOML text; what it does not understand is one sentence with its line.

        A table [keep] may stand there too: what `ganedu train` keeps of the run is no part of it.
        """
        given = parsed(text)
        given.pop("keep", None)
        try:
            return cls._of(given)
        except ValueError as error:
            raise ValueError(with_line(text, str(error))) from None

    @classmethod
    def _of(cls, given):
        known = [f.name for f in fields(cls)]
        for key in given:
            if key not in known:
                raise ValueError(f"a recipe has no {key!r}{nearest(key, known)}")
        for key in ("data", "G", "D"):
            if key not in given:
                raise ValueError(f"a recipe needs {key}, such as {key} = {EXAMPLES[key]!r}")
        return cls(**{key: _understood(key, value) for key, value in given.items()})


def parsed(text):
    """A TOML text as a dictionary, or one sentence with the line that is none."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the recipe is no TOML: {error}") from None


def with_line(text, message):
    """The message with the number of the line that it speaks of: of its first word, then what it quotes."""
    quoted = re.findall(r"'([^']+)'", message)
    unknown = message.startswith(("a recipe has no", "[keep] has no")) and quoted
    key = quoted[0] if unknown else re.match(r"\W*(\w*)", message)[1]
    part = _lines_of(text.splitlines(), key)
    said = [n for word in quoted for n, line in part if re.search(rf"\b{re.escape(word)}\b", line)]
    return f"{message} (line {said[0] if said else part[0][0]})" if part else message


def _lines_of(lines, key):
    """[(number, line), ...] of where a key gets its value: a line, or its table [key]."""
    numbered = list(enumerate(lines, start=1))
    for i, (_, line) in enumerate(numbered):
        if re.match(rf"\s*\[{re.escape(key)}\]", line):
            ends = rf"\s*\[(?!{re.escape(key)}\.)"
        elif re.match(rf"\s*{re.escape(key)}\s*=", line):
            ends = r"\s*(\[\w|\w+\s*=)"
        else:
            continue
        rest = numbered[i + 1 :]
        more = next((k for k, (_, line) in enumerate(rest) if re.match(ends, line)), len(rest))
        return numbered[i : i + 1 + more]
    return []


EXAMPLES = {"data": "ring", "G": "MLPGenerator", "D": "MLPDiscriminator"}


def _understood(key, value):
    if key == "precision":
        if value not in ("float32", "bfloat16", "float16"):
            raise ValueError(f"precision must be float32, bfloat16 or float16; got {value!r}")
        return getattr(torch, value)
    if key not in HOMES:
        return value
    part = built(value, HOMES[key], key)
    if key == "loss" and isinstance(part, partial):
        part = made(part)
    if not (callable(part) or isinstance(part, Loss)):
        raise ValueError(f"{key} must be a name, or a table with a name; got {value!r}")
    return part


# ---------------------------------------------------------------- names and objects


def made(part):
    """What a part makes, after the parts among its arguments."""
    if not isinstance(part, partial):
        return part()
    inner = [
        made(x) if isinstance(x, partial) else x for x in (*part.args, *part.keywords.values())
    ]
    n = len(part.args)
    return part.func(*inner[:n], **dict(zip(part.keywords, inner[n:])))


def built(value, home, key):
    """The part that a name, or a table of a name and arguments, stands for; a number is itself."""
    if isinstance(value, str):
        return named(value, home, key)
    if isinstance(value, dict) and "function" in value:
        return named(value["function"], home, key)
    if not isinstance(value, dict) or "name" not in value:
        return value
    part = named(value["name"], home, key)
    arguments = {k: v for k, v in value.items() if k != "name"}
    known = list(inspect.signature(part).parameters)
    for k in arguments:
        if k not in known:
            raise ValueError(f"{key}: {value['name']} takes no {k!r}{nearest(k, known)}")
    nested = {k: built(v, home, k) if isinstance(v, dict) else v for k, v in arguments.items()}
    return partial(part, **nested)


def named(name, home, key):
    """The object called `name` in its home, or with a dot in another module that is lent."""
    module, _, last = name.rpartition(".")
    module = module or home
    if module not in LENT:
        raise ValueError(f"{key}: recipes know no module {module!r}{nearest(module, LENT)}")
    objects = _objects(importlib.import_module(f"ganedu.{module}"))
    if last not in objects:
        raise ValueError(f"{key}: no {last!r} in ganedu.{module}{nearest(last, objects)}")
    return objects[last]


def spelled(part, home=None):
    """The inverse of `built`: names, tables, numbers; what is not ganedu's with its whole address."""
    if isinstance(part, Recipe):
        return part.plain()
    if isinstance(part, partial):
        return {"name": _name(part.func, home), **_arguments(_bound(part), home)}
    if isinstance(part, Loss) and not _known(part, home):
        return {
            "name": "Loss",
            **_arguments(vars(part) | {"g": getattr(part.g, "g", part.g)}, home),
        }
    if isinstance(part, torch.dtype):
        return str(part).removeprefix("torch.")
    if isinstance(part, dict):
        return {str(k): spelled(v, home) for k, v in part.items()}
    if isinstance(part, list | tuple | range):
        return [spelled(v, home) for v in part]
    if hasattr(part, "tolist"):
        return part.tolist()  # tensors, numpy's numbers and arrays
    if part is None or isinstance(part, str | int | float):
        return part
    return _name(part, home)


def _bound(part):
    """The arguments of a partial by their names, where the function tells them."""
    try:
        bound = inspect.signature(part.func).bind_partial(*part.args, **part.keywords)
    except (TypeError, ValueError):
        return {**({"arguments": part.args} if part.args else {}), **part.keywords}
    return bound.arguments


def _arguments(given, home):
    """Arguments by name; a function handed over as it is becomes a table, to differ from a word."""
    words = {k: spelled(v, home) for k, v in given.items() if v is not None}
    function = {k for k in words if callable(given[k]) and isinstance(words[k], str)}
    return {k: {"function": v} if k in function else v for k, v in words.items()}


def _name(part, home):
    known = _known(part, home)
    if known or hasattr(part, "__qualname__"):
        return known or f"{part.__module__}.{part.__qualname__}"
    raise ValueError(
        f"{part!r:.80} has no name in ganedu: a recipe is made of functions, classes and losses "
        "that have one, and of their arguments"
    )


def _known(part, home):
    """The name of a part of ganedu, None for any other."""
    for module in (home, *LENT):
        for name, known in _objects(sys.modules.get(f"ganedu.{module}")).items():
            if known is part:
                return name if module == home else f"{module}.{name}"
    return None


def _objects(module):
    """{name: object} of what a module of ganedu defines itself, for others to use."""
    return {
        name: value
        for name, value in (vars(module) if module else {}).items()
        if not name.startswith("_") and (isinstance(value, Loss) or _is_own(value, module))
    }


def _is_own(value, module):
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def toml(value):
    """A value in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    return "[" + ", ".join(map(toml, value)) + "]"

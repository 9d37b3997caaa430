"""What to train: a recipe file, a shipped recipe, or the usual one; and what the options change.

Everything that `ganedu train` is asked for becomes a `Recipe`; what cannot be one is one sentence.
"""

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from ganedu import conditional, data, networks, processes
from ganedu.files import read_text
from ganedu.names import nearest
from ganedu.recipe import Recipe, made, named, with_line
from ganedu.recipes import shipped

DATA = ("ring", "grid", "digits", "mnist", "fashion_mnist", "cifar10")
STEPS = 2400
USUAL = {"lr_g": 5e-4, "lr_d": 5e-4, "batch": 64, "ema": 0.995, "steps": STEPS}


def source(asked):
    """(where a recipe stands, its text): a file, or the shipped recipe of that name."""
    path = Path(asked).expanduser()
    if path.is_file():
        return str(path), read_text(path)
    known = shipped()
    if asked in known:
        return asked, known[asked]
    raise FileNotFoundError(
        f"no recipe file {asked}, and no recipe of that name ships{nearest(asked, known)}"
    )


@contextmanager
def spoken_of(where, text):
    """Errors inside are about this recipe: they get its place and, where one is found, the line."""
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        said = str(error) if "(line " in str(error) else with_line(text, str(error))
        of_file = where and not said.startswith("--")  # that is an option's
        raise ValueError(f"{where}: {said}" if of_file else said) from error


def make_data(recipe):
    """The data of a recipe; an error says that it is about them."""
    try:
        return made(recipe.data)
    except (ValueError, TypeError, FileNotFoundError) as error:
        raise ValueError(f"data: {error}") from error


# ---------------------------------------------------------------- data and networks


def find_data(args):
    """How to make the data set that --data names, or that of the pictures in that folder."""
    name = args.data or "digits"
    folder = Path(name).expanduser()
    size = {} if args.size is None else {"size": args.size}
    if name in DATA:
        if folder.is_dir() and processes.first():
            print(f"Training on the data set {name}; the folder of that name is ./{name}.")
        part = named(name, "data", "--data")
        if args.channels is not None or (size and name in ("ring", "grid")):
            raise ValueError(f"{name} is as it is: --channels and --size are for pictures")
        part = partial(part, **size) if size else part
    elif folder.is_dir():
        channels = args.channels or (1 if data.all_gray(folder) else 3)
        part = partial(data.pictures, folder=str(folder.resolve()), channels=channels, **size)
    else:
        raise ValueError(f"no data set or folder called {name!r}{nearest(name, DATA)}")
    if args.flip and name in ("ring", "grid"):
        raise ValueError("--flip mirrors pictures: points have no left and right")
    if not args.flip:
        return part
    return partial(data.Flipped, part if isinstance(part, partial) else partial(part))


def folder_of(part):
    """The folder of pictures that a recipe's data are read from, or None."""
    if not isinstance(part, partial):
        return None
    inner = (*part.args, *part.keywords.values())
    return part.keywords.get("folder") or next(filter(None, map(folder_of, inner)), None)


def in_folder(part, folder):
    """The same data, read from another folder."""
    if not isinstance(part, partial):
        return part
    keywords = {k: in_folder(v, folder) for k, v in part.keywords.items()}
    keywords |= {"folder": folder} if "folder" in keywords else {}
    return partial(part.func, *[in_folder(v, folder) for v in part.args], **keywords)


def networks_for(p_data, by_class=False):
    """How to make a pair (G, D) that fits: of points an MLP, of pictures a DCGAN."""
    if isinstance(p_data, data.Mixture):
        if by_class:
            raise ValueError("--by-class is for pictures: the pair for points takes no labels")
        return networks.MLPGenerator, networks.MLPDiscriminator
    _, channels, _, size = p_data.x.shape
    pair = (networks.DCGANGenerator, networks.DCGANDiscriminator)
    G, D = (partial(net, size=size, channels=channels) for net in pair)
    return _told(G, D, p_data) if by_class else (G, D)


def _told(G, D, p_data):
    """The same pair, told the labels."""
    y = getattr(p_data, "y", None)
    if y is None:
        raise ValueError("the data have no labels: sort the pictures into a folder for each class")
    k = int(y.max()) + 1
    G, D = partial(G, z_dim=100 + k), partial(D, classes=k)
    return (
        partial(conditional.ConditionalGenerator, G, classes=k),
        partial(conditional.ConditionalDiscriminator, D),
    )


# ---------------------------------------------------------------- recipes


def usual(args):
    """(the recipe of a run for which no file is named, its data)."""
    make = find_data(args)
    p_data = make_data(Recipe(data=make, G=networks.MLPGenerator, D=networks.MLPDiscriminator))
    G, D = networks_for(p_data, args.by_class)
    return replace(Recipe(data=make, G=G, D=D, **USUAL), **options(args)), p_data


def changed(recipe, args):
    """A recipe with what the options change in it."""
    for name in ("size", "channels", "flip", "by_class"):
        if getattr(args, name):
            option = name.replace("_", "-")
            raise ValueError(f"--{option} is for a run without a recipe: write it into the file")
    own = options(args)
    if args.data:
        folder = Path(args.data).expanduser()
        if args.data not in DATA and folder.is_dir() and folder_of(recipe.data):
            own["data"] = in_folder(recipe.data, str(folder.resolve()))
        else:
            own["data"] = find_data(args)
    return replace(recipe, **own)


def options(args):
    """The fields of a recipe that the options give a value, but for its data."""
    if args.lr is not None and not args.lr > 0:
        raise ValueError(f"--lr must be above 0; got {args.lr}")
    given = {
        "loss": args.loss and named(args.loss, "losses", "--loss"),
        "batch": args.batch,
        "lr_g": args.lr,
        "lr_d": args.lr,
        "steps": args.steps,
    }
    return {name: value for name, value in given.items() if value is not None}


def going_on(state, args):
    """The recipe of a stored run, for as many steps more as were asked for.

    Without --steps it goes on to the recipe's own end, or past it where that is reached.
    """
    recipe, done = Recipe.from_toml(state["recipe"]), state["step"]
    _refuse_another(args, recipe)
    left = recipe.steps - done
    more = args.steps or (left if left > 0 else STEPS)
    args.data = None
    return replace(changed(recipe, args), steps=done + more)


def _refuse_another(args, recipe):
    """A resumed run keeps its data and its loss."""
    before, now = _data_name(recipe.data), args.data
    if now and now not in DATA:
        now = str(Path(now).expanduser().resolve())
    if args.data and now != before:
        _refuse("data", before, args.data)
    loss = named(args.loss, "losses", "--loss") if args.loss else recipe.loss
    if loss != recipe.loss:
        _refuse("loss", recipe.plain()["loss"], args.loss)


def _data_name(part):
    if folder_of(part):
        return folder_of(part)
    inner = [x for x in getattr(part, "args", ()) if callable(x)]
    inner += [x for x in getattr(part, "keywords", {}).values() if callable(x)]
    return _data_name(inner[0]) if inner else getattr(part, "func", part).__name__


def _refuse(option, before, now):
    raise ValueError(
        f"this run is on --{option} {before}, not {now}: leave --{option} out to go on, or choose "
        "another --out"
    )

"""`ganedu ...`: tour, training, samples, art, studies. The grammar only: what is asked for is a `Recipe`."""

import argparse
import codecs
import os
import re
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

from ganedu import __version__
from ganedu.kit import commands as kit
from ganedu.names import nearest

LOSSES = ("nonsaturating", "saturating", "least_squares", "hinge", "wasserstein", "relativistic")
DATA = ("ring", "grid", "digits", "mnist", "fashion_mnist", "cifar10")
METRICS = ("frechet", "kid", "precision", "recall", "coverage")
STUDIES = ("ring", "grid", "stacked")
PLAIN = {"✓": "+", "○": "-", "✗": "x", "±": "+-", "\N{NO-BREAK SPACE}": " "}


def main(argv=None):
    """Run one command; errors that a user can mend are one sentence, exit code 2."""
    grammar = parser()
    if not (sys.argv[1:] if argv is None else argv):
        grammar.print_help()
        return 2
    args = grammar.parse_args(argv)
    try:
        Path.cwd()
    except FileNotFoundError:
        print(
            "ganedu: the folder that you are in is not there any more: cd to one", file=sys.stderr
        )
        return 2
    codecs.register_error("plain", in_plain_signs)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="plain")  # a sign that cannot be printed stops nothing
    try:
        if getattr(args, "trains", True):
            leave_room()
        return args.run(args)
    except BrokenPipeError:  # whoever read what is printed has seen enough, as `| head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, TypeError, OSError, RuntimeError, MemoryError, ImportError) as error:
        print(f"ganedu: {which()}{in_words(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"ganedu: stopped{f': {stop}' if str(stop) else ''}", file=sys.stderr)
        return 130


def in_plain_signs(error):
    """What stands for signs that a terminal does not have: done, open and failed stay three."""
    signs = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign, "?") for sign in signs), error.end


def which():
    """Which of torchrun's processes speaks, if there are several."""
    many = int(os.environ.get("WORLD_SIZE", "1"))
    return f"process {os.environ.get('RANK', '?')} of {many}: " if many > 1 else ""


def in_words(error):
    """One line; torch's words on memory in a user's."""
    if isinstance(error, MemoryError) or "allocate" in str(error):
        return "the memory is not enough: try a smaller --batch"
    return " ".join(str(error).split())


def leave_room():
    """Use half the cores: a small network gains little from more, and loses all when they are busy."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(max(1, min(torch.get_num_threads(), (cores or 1) // 2)))


class Parser(argparse.ArgumentParser):
    """argparse's, which names the nearest word that there is for one that there is not."""

    def error(self, message):
        """The usage and the sentence, exit code 2."""
        choice = re.search(r"invalid choice: '?(.*?)'? \(choose from (.*)\)", message)
        if choice:
            known = re.findall(r"[\w-]+", choice[2])
            message = message.replace(f" ({choice[0].split(' (', 1)[1]}", nearest(choice[1], known))
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown:
            message += nearest(unknown[1], [o for o in self._option_string_actions if o[1] == "-"])
        super().error(message)

    def parse_known_args(self, args=None, namespace=None):
        """What a command does not understand is answered by its own usage, not by that of all."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return found, rest


def parser():
    """The command line's grammar and its help."""
    top = Parser(
        prog="ganedu", description="Generative adversarial networks, built piece by piece."
    )
    top.add_argument("--version", action="version", version=f"ganedu {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    tour = commands.add_parser(
        "tour", help="train on real digits, draw pictures, say what was measured"
    )
    tour.add_argument(
        "--out", default="tour", help="folder for the pictures (default: %(default)s)"
    )
    tour.add_argument("--steps", type=_count, help="training steps (default: 1200, about a minute)")
    tour.set_defaults(run=run_tour)

    add_train(commands)
    add_what_a_run_leaves(commands)

    study = commands.add_parser(
        "study", help="train recipes against mode collapse over seeds; a table and a picture"
    )
    study.add_argument("name", choices=STUDIES, help="the data; stacked: 1,000 modes of digits")
    study.add_argument("--seeds", type=_count, default=5, help="default: %(default)s")
    study.add_argument("--jobs", type=_count, help="runs at a time (default: one for each core)")
    study.add_argument("--steps", type=_count, help="of a run (default: as each recipe says)")
    study.add_argument("--recipes", help="some of them, as a,b,c (default: all)")
    study.add_argument("--list", action="store_true", help="name the recipes, run nothing")
    study.add_argument(
        "--out", default="study", help="folder for runs, table and picture (default: %(default)s)"
    )
    study.set_defaults(run=run_study)

    art = commands.add_parser("art", help="from one picture to a tile, a poster and a loop")
    art.add_argument(
        "picture", metavar="PICTURE", help="a file, or a name such as gravel or terrain"
    )
    art.add_argument("--out", default="art", help="folder for the pictures (default: %(default)s)")
    art.add_argument("--steps", type=_count, help="train so long (default: 3000, if not known)")
    art.add_argument(
        "--side", type=_side, help="shrink the picture's shorter side to so many pixels"
    )
    art.add_argument(
        "--poster",
        type=_side,
        default=1024,
        help="the poster's side, pixels (default: %(default)s)",
    )
    art.set_defaults(run=run_art)

    for command in (tour, art):
        command.add_argument("--seed", type=_whole, default=0, help="default: %(default)s")
    tour.add_argument("--device", default="auto", help="cpu, cuda, ... (default: auto)")
    kit.add_to(commands)
    return top


def add_train(commands):
    """`ganedu train` and `ganedu recipes`."""
    train = commands.add_parser(
        "train",
        help="train a GAN, with checkpoints",
        description="Train a GAN: a recipe file, a shipped recipe, or what the options say. Several "
        "processes: torchrun --nproc-per-node=2 -m ganedu train ... (the batch is that of each).",
    )
    train.add_argument(
        "recipe",
        nargs="?",
        metavar="RECIPE",
        help="a file such as an earlier run's recipe.toml, or a name of `ganedu recipes`; the options "
        "below change it",
    )
    what = train.add_argument_group("what is trained")
    what.add_argument(
        "--data", help=f"{', '.join(DATA)}, or a folder of pictures (default: digits)"
    )
    what.add_argument(
        "--size",
        type=_count,
        help="pixels a side of pictures: 8, 16, 28, 32, 64 or 128 (default: 64; of a named set its own)",
    )
    what.add_argument(
        "--channels",
        type=_whole,
        choices=(1, 3, 4),
        help="of a folder: 1 gray, 3 colours, 4 opacity too (default: 1 if all are gray, else 3)",
    )
    what.add_argument(
        "--flip", action="store_true", help="mirror half of the pictures left to right"
    )
    what.add_argument(
        "--by-class",
        action="store_true",
        help="tell both players the labels; a folder's classes are the folders in it",
    )
    what.add_argument("--loss", choices=LOSSES, help="default: nonsaturating")
    what.add_argument("--lr", type=float, help="step size of both (default: 0.0005)")
    what.add_argument("--batch", type=_whole, help="examples a step (default: 64)")
    what.add_argument(
        "--steps",
        type=_count,
        help="how many; of a resumed run, how many more (default: 2400; of a recipe, up to its end)",
    )
    what.add_argument("--seed", type=_whole, default=0, help="default: %(default)s")
    what.add_argument("--device", default="auto", help="cpu, cuda, ... (default: auto)")
    keep = train.add_argument_group("what is kept")
    keep.add_argument(
        "--out", default="run", help="folder for checkpoint and pictures (default: %(default)s)"
    )
    keep.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    keep.add_argument(
        "--metric",
        choices=METRICS,
        help="judge the generator on the way and keep the best state, best.pt",
    )
    keep.add_argument(
        "--metric-n", type=_count, help="samples that it is judged on (default: 1000)"
    )
    keep.add_argument("--metric-every", type=_count, help="steps between (default: 500)")
    keep.add_argument("--samples-every", type=_count, help="a sheet of samples each so many steps")
    keep.add_argument("--save-every", type=_count, help="steps to a checkpoint (default: 500)")
    keep.add_argument("--save-minutes", type=float, help="minutes to a checkpoint (default: 10)")
    keep.add_argument(
        "--timeout",
        type=_count,
        default=300,
        help="of several processes: seconds that one waits for another (default: %(default)s)",
    )
    train.set_defaults(run=run_train)

    recipes = commands.add_parser("recipes", help="list the recipes that ship, or print one")
    recipes.add_argument("name", nargs="?", help="print this one: ganedu recipes digits > my.toml")
    recipes.set_defaults(run=run_recipes, trains=False)


def add_what_a_run_leaves(commands):
    """`ganedu sample`, `film`, `walk` and `export`."""
    sample = commands.add_parser("sample", help="write samples of a trained run as single files")
    film = commands.add_parser("film", help="the training as a GIF, of a run with --samples-every")
    walk = commands.add_parser("walk", help="a walk through a trained run's z as a GIF")
    export = commands.add_parser(
        "export", help="a generator for others: safetensors, recipe and a model card"
    )
    for command in (sample, film, walk, export):
        command.add_argument("source", metavar="RUN", help="a run's folder, or a checkpoint of it")
    for command in (sample, walk):
        command.add_argument("--seed", type=_whole, default=0, help="default: %(default)s")
    sample.add_argument("-n", type=_count, default=100, help="how many (default: %(default)s)")
    sample.add_argument(
        "--class", dest="label", type=_whole, metavar="K", help="of this class, of a run --by-class"
    )
    sample.add_argument("--out", default="samples", help="an empty folder (default: %(default)s)")
    walk.add_argument(
        "-n", type=_count, default=16, help="walks side by side (default: %(default)s)"
    )
    walk.add_argument(
        "--stops", type=_count, default=5, help="random z that a walk visits (default: %(default)s)"
    )
    walk.add_argument("--frames", type=_count, default=60, help="pictures (default: %(default)s)")
    for command, seconds in ((film, 10.0), (walk, 8.0)):
        command.add_argument(
            "--seconds",
            type=float,
            default=seconds,
            help="how long it plays (default: %(default)s)",
        )
        name = f"{command.prog.split()[-1]}.gif"
        command.add_argument("--out", default=name, help="a new file (default: %(default)s)")
    export.add_argument("--out", default="model", help="a new folder (default: %(default)s)")
    for command, run in (
        (sample, run_sample),
        (film, run_film),
        (walk, run_walk),
        (export, run_export),
    ):
        command.set_defaults(run=run)


def _whole(text):
    try:
        return int(text)
    except ValueError:
        said = f"invalid number {text!r}: a whole one is wanted, such as 2400"
        raise argparse.ArgumentTypeError(said) from None


def _count(text):
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more; got {number}")
    return number


def _side(text):
    number = _whole(text)
    if not 64 <= number <= 8192:
        raise argparse.ArgumentTypeError(f"must be 64 to 8192 pixels; got {number}")
    return number


def run_tour(args):
    """`ganedu tour`."""
    from ganedu import tour

    steps = args.steps or tour.RECIPE.steps
    tour.tour(args.out, steps=steps, seed=args.seed, device=args.device)
    return 0


def run_art(args):
    """`ganedu art`: what was measured, and where the pictures are."""
    from ganedu.art import art, page

    found = art(
        args.picture,
        args.out,
        steps=args.steps,
        seed=args.seed,
        side=args.side,
        poster=args.poster,
    )
    for what, value, meaning in page.lines(found):
        print(f"{what:34} {value:34} {meaning}".rstrip())
    print(f"Look at {(Path(args.out).expanduser() / 'index.html').resolve()}")
    return 0


# ---------------------------------------------------------------- train


def run_train(args):
    """`ganedu train`: alone, or as one of the processes that torchrun started."""
    from ganedu import processes

    with processes.joined(args.device, args.timeout):
        return train_here(args)


def train_here(args):
    """Train; of several processes the first one speaks and keeps files."""
    from ganedu import checkpoint, choices, processes, training

    out = Path(args.out).expanduser()
    file = out / "checkpoint.pt"
    if args.resume and args.recipe:
        raise ValueError(f"a run that is resumed has its own recipe: leave out {args.recipe}")
    if not args.resume and processes.first():
        training.refuse_earlier(out)
    state = processes.from_first(lambda: checkpoint.load_run(file)) if args.resume else {}
    where, text = (None, "") if args.resume or not args.recipe else choices.source(args.recipe)
    with choices.spoken_of(where, text):
        recipe, keep, p_data = asked_for(args, state, text, out)
        trainer = recipe.trainer(args.seed, device=args.device, data=p_data)
    if args.resume:
        trainer.load_state_dict(state)
        say(f"Going on from step {trainer.step:,}.")
    rows = training.train(trainer, recipe, keep, out)
    if not processes.first():
        return 0
    training.draw_samples(trainer, out / "samples.png")
    if rows:
        training.draw_curves(rows, out / "training.png")
    if trainer.step < recipe.steps:
        print(f"Stopped after step {trainer.step:,}; --resume goes on from here.")
    print(f"Step {trainer.step:,} is saved in {file.resolve()}", flush=True)
    if (out / "best.pt").exists():
        print(best_in_words(out / "best.pt"))
    print(f"Pictures: {out.resolve()}")
    return 0


def asked_for(args, state, text, out):
    """(recipe, what is kept, its data or None if the recipe shall make them)."""
    from ganedu import choices, processes, training
    from ganedu.recipe import Recipe

    p_data, table = None, text
    if "recipe" in state:
        recipe = choices.going_on(state, args)
        table = processes.from_first(lambda: read_if_there(out / "recipe.toml"))
    elif text:
        recipe = choices.changed(Recipe.from_toml(text), args)
    else:
        recipe, p_data = processes.first_then_others(lambda: choices.usual(args))
        recipe = replace(recipe, steps=state.get("step", 0) + recipe.steps)
    keep = replace(training.Keep.from_toml(table), **keep_options(args))
    training.look_at_pictures(choices.folder_of(recipe.data), out, state.get("pictures"))
    if p_data is None:
        p_data = processes.first_then_others(lambda: choices.make_data(recipe))
    return recipe, keep, p_data


def read_if_there(path):
    from ganedu.files import read_text

    return read_text(path) if path.is_file() else ""


def keep_options(args):
    """The fields of Keep that the options give a value."""
    given = {
        "metric": args.metric,
        "n": args.metric_n,
        "every": args.metric_every,
        "samples": args.samples_every,
        "save_steps": args.save_every,
        "save_minutes": args.save_minutes,
    }
    return {name: value for name, value in given.items() if value is not None}


def best_in_words(file):
    """What the metric liked best, its n, and what such a choice is worth."""
    from ganedu import checkpoint

    state = checkpoint.load(file)
    judged = state["judged"]
    return (
        f"Best {judged['metric']} {judged['value']:.4g} (n = {judged['n']:,}, on {judged['on']}) at "
        f"step {state['step']:,}, in {file.resolve()}: the best of several looks flatters itself"
    )


def say(text):
    from ganedu import processes

    if processes.first():
        print(text, flush=True)


def run_recipes(args):
    """`ganedu recipes`: the list, or one of them as text."""
    from ganedu.recipes import about, shipped

    known = shipped()
    if args.name is None:
        for name, text in known.items():
            print(textwrap.fill(f"{name:18} {about(text)}", 96, subsequent_indent=" " * 19))
        return 0
    if args.name not in known:
        raise ValueError(f"no recipe called {args.name!r}{nearest(args.name, known)}")
    print(known[args.name], end="")
    return 0


# ---------------------------------------------------------------- what a run leaves


def run_sample(args):
    """`ganedu sample`."""
    from ganedu import drawing

    drawing.write(args.source, args.out, args.n, args.seed, args.label)
    print(f"{args.n:,} samples: {Path(args.out).expanduser().resolve()}")
    return 0


def run_film(args):
    """`ganedu film`."""
    from ganedu import film

    frames = film.film(args.source, free(args.out), args.seconds)
    print(f"{frames} frames: {Path(args.out).expanduser().resolve()}")
    return 0


def run_walk(args):
    """`ganedu walk`."""
    from ganedu import film

    film.walk(args.source, free(args.out), args.n, args.stops, args.frames, args.seconds, args.seed)
    print(f"{args.frames} frames: {Path(args.out).expanduser().resolve()}")
    return 0


def run_export(args):
    """`ganedu export`."""
    from ganedu import export

    export.export(args.source, args.out)
    print(f"Weights, recipe and model card: {Path(args.out).expanduser().resolve()}")
    return 0


def free(name):
    """The path, if nothing is there yet."""
    path = Path(name).expanduser()
    if path.exists():
        raise FileExistsError(f"{path} is there already: choose another --out")
    return path


# ---------------------------------------------------------------- study


def run_study(args):
    """`ganedu study`: what was run before is not run again; the table and the picture always are."""
    from ganedu import studies, treatments
    from ganedu.files import claimed

    trials = chosen(treatments.trial(args.name, steps=args.steps), args.recipes)
    if args.list:
        print("\n".join(trials))
        return 0
    out = Path(args.out).expanduser() / args.name
    with claimed(out):
        rows = studies.study(trials, range(args.seeds), folder=out / "runs", jobs=args.jobs)
        studies.save(rows, out)
    draw_study(rows, out / "study.png")
    print(studies.show(studies.table(rows)))
    print(f"Rows, table and picture: {out.resolve()}")
    return 0


def chosen(recipes, names):
    """The recipes named "a,b,c", in the order of all of them; without names all."""
    wanted = [name.strip() for name in names.split(",")] if names else list(recipes)
    for name in wanted:
        if name not in recipes:
            raise ValueError(f"no recipe called {name!r}{nearest(name, recipes)}")
    return {name: recipe for name, recipe in recipes.items() if name in wanted}


def draw_study(rows, path):
    """A panel for each of the first four measures."""
    from matplotlib.figure import Figure

    from ganedu import drawing, studies, viz

    viz.use()
    names = studies.measures(rows)[:4]
    if not names:
        return  # every run failed: there is nothing to draw
    recipes = len({row["recipe"] for row in rows})
    fig = Figure(figsize=(3 + 2.4 * len(names), 0.9 + 0.32 * recipes), layout="constrained")
    axes = fig.subplots(1, len(names), sharey=True, squeeze=False)
    viz.study(rows, names, axes=axes, title="A dot for each seed; the bar is mean ± SD")
    drawing.write_figure(fig, path)


if __name__ == "__main__":
    sys.exit(main())

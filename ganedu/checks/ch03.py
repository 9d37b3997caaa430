"""Chapter 03, the loss formulas: what the losses of logits must do, and what people write instead.

Each table lists formulas that give one term an example; the check averages them and compares the
learner's value with theirs on batches in which real and fake differ and no value repeats.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch.nn.functional import relu, sigmoid, softplus

from ganedu.checks.engine import Misconception
from ganedu.checks.probes import near, number

BATCHES = [
    (torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])),
    (torch.tensor([-0.7, 1.6, 0.2]), torch.tensor([1.3, -2.2, 2.4])),
]
FAR = [
    (torch.tensor([t, -t]), torch.tensor([-t / 2, 2 * t])) for t in (20.0, 100.0, 1000.0)
]  # D is very sure, and here and there very wrong


class Wrong(NamedTuple):
    """A formula that people write: its name, its terms, and the two sentences of the verdict."""

    code: str
    terms: object  # (real, fake) -> one term an example, or a scalar
    seen: str
    next_step: str


# ---- calling the answer --------------------------------------------------------------------------


def evaluate(answer, batch, what="your loss"):
    """The answer's number on copies of the batch, which the answer may change in place."""
    try:
        value = answer(*(x.clone() for x in batch))
    except RuntimeError as error:
        if "between 0 and 1" not in str(error):
            raise
        raise Misconception(
            "LOGIT-AS-PROBABILITY",
            "A function that takes probabilities was given the logits themselves: they may be "
            "negative, or above 1.",
            "There is a function of almost the same name that takes logits.",
        ) from None
    return number(value.detach() if isinstance(value, torch.Tensor) else value, _cap(what))


def gradients(answer, batch, what="your loss"):
    """The derivative of the answer's value with respect to each logit of the batch."""
    leaves = [x.clone().requires_grad_() for x in batch]
    try:
        value = answer(*(x.clone() for x in leaves))
    except RuntimeError as error:
        if "requires grad" not in str(error):
            raise
        value = None
    if not (isinstance(value, torch.Tensor) and value.requires_grad):
        raise _no_gradient(what, "no gradient comes back from it at all")
    found = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves)]


def _no_gradient(what, detail):
    return Misconception(
        "NO-GRADIENT",
        f"The value of {what} is right, but {detail}: a network could not learn from it.",
        "Stay in torch from the logits to the result: no .item(), .detach(), float() or numpy.",
    )


def _shown(batch):
    names = ("real", "fake") if len(batch) == 2 else ("fake",)
    return " and ".join(f"{n} = {[round(v, 2) for v in x.tolist()]}" for n, x in zip(names, batch))


# ---- judging a value -----------------------------------------------------------------------------


def judge_value(answer, right, wrong, batches, what="your loss"):
    """Pass if the answer's values are those of the terms `right`; otherwise say what they are."""
    values = [evaluate(answer, batch, what) for batch in batches]
    if fits(values, right, batches):
        return
    if not torch.isfinite(torch.tensor(values)).all():
        raise Misconception(
            "LOGIT-AS-PROBABILITY",
            f"With {_shown(batches[0])}, {what} is {values[0]:g}: nan or inf at harmless logits. "
            "A logit may be negative or above 1; a logarithm was taken of something below 0.",
            "Which numbers does D return here, and which numbers does your formula expect?",
        )
    if max(values) - min(values) < 1e-6:
        raise Misconception(
            "CONSTANT",
            f"{_cap(what)} is {values[0]:.4g} on two quite different batches.",
            "Does every argument of the function appear in the line that computes the result?",
        )
    found = recognise(values, wrong, batches)
    if found:
        raise Misconception(found.code, found.seen, found.next_step)
    raise _wrong_value(answer, right, values, batches, what)


def fits(values, terms, batches):
    """Does the mean of these terms give these values on every batch?"""
    return all(near(value, terms(*batch).mean()) for value, batch in zip(values, batches))


def recognise(values, wrong, batches):
    """The formula of the table that gives these values: as a mean, else as a sum, else halved."""
    for scale in (lambda n: 1, lambda n: n, lambda n: 0.5):
        scaled = [value / scale(len(batch[0])) for value, batch in zip(values, batches)]
        for entry in wrong:
            if fits(scaled, entry.terms, batches):
                return entry
    return None


def _wrong_value(answer, right, values, batches, what):
    zeros = [torch.zeros(3) for _ in batches[0]]
    at_zero, should = evaluate(answer, zeros, what), right(*zeros).mean()
    seen = f"With {_shown(batches[0])}, {what} is {values[0]:.4g}, which is not its value"
    if not near(at_zero, should):
        detail = (
            f"{seen}. Nor is it {should:.4g} where all logits are 0; there yours is {at_zero:.4g}."
        )
        return Misconception("WRONG-VALUE", detail, "Work out by hand the case of all logits 0.")
    return Misconception(
        "WRONG-VALUE",
        f"{seen}, though it is right where all logits are 0.",
        "Call it with one real and one fake logit and compare each term with your pencil.",
    )


def _cap(text):
    return text[0].upper() + text[1:]


# ---- judging gradients and large logits ----------------------------------------------------------


def judge_gradients(answer, right, batches, what="your loss"):
    """The value is right: does every logit also get the gradient of the terms `right`?"""
    for batch in batches:
        wanted = gradients(lambda *b: right(*b).mean(), batch)
        names = ("real", "fake")[-len(batch) :]
        for name, mine, theirs in zip(names, gradients(answer, batch, what), wanted):
            if not near(mine, theirs, 1e-3):
                raise _no_gradient(what, f"the {name} logits do not get their gradient")


def judge_far(answer, right, what="your loss", batches=FAR):
    """Values and gradients at large logits, where only the stable forms survive."""
    for batch in batches:
        value = evaluate(answer, batch, what)
        slopes = torch.cat(gradients(answer, batch, what))
        size = max(float(x.abs().max()) for x in batch)
        if not torch.isfinite(torch.tensor([value, *slopes])).all():
            raise _broken(answer, size, value, what, len(batch))
        wanted = torch.cat(gradients(lambda *b: right(*b).mean(), batch))
        if not (near(value, right(*batch).mean()) and near(slopes, wanted, 1e-3)):
            raise Misconception(
                "EPSILON-PATCH",
                f"{_cap(what)} is right at small logits; with logits up to {size:g} it is finite "
                f"({value:.4g}) but wrong, and so is its gradient: an epsilon, a clamp or a "
                "probability rounded to 1 has cut it off, and that player gets no signal there.",
                "Don't repair the logarithm; look for the function that never takes it.",
            )


def _broken(answer, size, value, what, arguments):
    seen = f"{_cap(what)} is right at small logits; with logits up to {size:g} it is {value:g}"
    seen += (
        "" if value != value or value in (float("inf"), -float("inf")) else " and its gradient nan"
    )
    if size > 50 and _overflows_in_half(answer, arguments):
        return Misconception(
            "EXP-OVERFLOW",
            f"{seen}. In float32, exp(89) is already inf.",
            "log(1 + exp(x)) has a name of its own in torch.nn.functional, safe for every x.",
        )
    return Misconception(
        "LOG-OF-SIGMOID",
        f"{seen}. In float32, sigmoid(17) is exactly 1 and sigmoid(-89) exactly 0; then comes the "
        "logarithm of 0.",
        "Simplify -log(1 / (1 + exp(-s))) on paper before you write code.",
    )


def _overflows_in_half(answer, arguments):
    """In half precision exp(12) is inf, but sigmoid(-12) is not yet 0: that tells the two apart."""
    s, zero = torch.tensor([-12.0]).half(), torch.zeros(1).half()
    batches = [(s, zero), (zero, -s)] if arguments == 2 else [(s,)]
    try:
        values = [torch.as_tensor(answer(*batch)) for batch in batches]
    except (RuntimeError, TypeError):
        return False
    return not all(torch.isfinite(value).all() for value in values)


# ---- 03.d_loss -----------------------------------------------------------------------------------


def d_terms(real, fake):
    return softplus(-real) + softplus(fake)


OTHER = "It is a good loss for D, of another family; this exercise asks for the cross-entropy."
D_WRONG = [
    Wrong(
        "LABELS-SWAPPED",
        lambda r, f: softplus(r) + softplus(-f),
        "Your loss is small when D calls real examples fake and generated ones real.",
        "Try real = [5.] and fake = [-5.]: D is right about both. Should the loss be large?",
    ),
    Wrong(
        "MINUS-FORGOTTEN",
        lambda r, f: -d_terms(r, f),
        "You return V itself, the number that D wants large; a minimiser will make it small.",
        "Both players minimise here. What must happen to a quantity that should grow?",
    ),
    Wrong(
        "REAL-TERM-FLIPPED",
        lambda r, f: -softplus(-r) + softplus(f),
        "The fake term is right; the real term has the wrong sign, so D learns to reject "
        "everything. This is the article's L_GAN with D as its maximiser, taken literally.",
        "Move one real logit up by 1: should D's loss rise or fall?",
    ),
    Wrong(
        "FAKE-TERM-FLIPPED",
        lambda r, f: softplus(-r) - softplus(f),
        "The real term is right; the fake term has the wrong sign, so D learns to accept "
        "everything. This is the article's L_GAN, minimised by D.",
        "Move one fake logit up by 1: should D's loss rise or fall?",
    ),
    Wrong(
        "ALL-REAL",
        lambda r, f: softplus(-r) + softplus(-f),
        "Both terms carry the label 1 (real): D is rewarded for believing the fakes.",
        "Which label does a generated example have when it is D's turn?",
    ),
    Wrong(
        "ALL-FAKE",
        lambda r, f: softplus(r) + softplus(f),
        "Both terms carry the label 0 (fake): D is rewarded for rejecting the data.",
        "Which label does a real example have?",
    ),
    Wrong(
        "ARTICLE-D-LOSS",
        lambda r, f: -(r + f),
        "This is the article's code: it rewards a high score for real and for fake alike, without "
        "bound, so D learns nothing about the difference.",
        "Compare the two signs with those of the article's own formula L_DAN.",
    ),
    Wrong(
        "ARTICLE-D-LOSS",
        lambda r, f: -(sigmoid(r) + sigmoid(f)),
        "This is the article's code behind a sigmoid: its best D says 1 for everything.",
        "Compare the two signs with those of the article's own formula L_DAN.",
    ),
    Wrong(
        "DOUBLE-SIGMOID",
        lambda r, f: d_terms(sigmoid(r), sigmoid(f)),
        "A sigmoid was applied twice: once by hand, and once inside a loss that expects logits. "
        "D's answers are then squeezed between 0.5 and 0.73, and the loss can never come near 0.",
        "Find the two places in which a logit becomes a probability, and keep one.",
    ),
    Wrong(
        "MEAN-TOO-EARLY",
        lambda r, f: d_terms(r.mean(), f.mean()),
        "The logits are averaged first and the loss is taken of the average: an example on which "
        "D is badly wrong can hide behind one on which it is right.",
        "In the formula, is the expectation outside or inside the logarithm?",
    ),
    Wrong(
        "ONE-TERM",
        lambda r, f: softplus(-r),
        "Only the real examples count: always saying `real` is then perfect.",
        "Which of the two arguments does your result not depend on?",
    ),
    Wrong(
        "ONE-TERM",
        lambda r, f: softplus(f),
        "Only the generated examples count: always saying `fake` is then perfect.",
        "Which of the two arguments does your result not depend on?",
    ),
    Wrong(
        "SUM-NOT-MEAN",
        lambda r, f: len(r) * d_terms(r, f),
        "The terms are added up over the batch: with a batch twice as large, the loss and its "
        "gradient are twice as large.",
        "Which operation on a batch stands for the letter E?",
    ),
    Wrong(
        "HALVED",
        lambda r, f: d_terms(r, f) / 2,
        "Your loss is half of the formula's: one mean over all 2n examples, or a factor 1/2. It "
        "trains like the right one at half the step size, but its value at D = 1/2 is log 2, not "
        "log 4.",
        "The formula has two expectations and a plus sign.",
    ),
    Wrong(
        "LABEL-SMOOTHED",
        lambda r, f: 0.9 * softplus(-r) + 0.1 * softplus(r) + softplus(f),
        "Real examples carry the label 0.9: one-sided label smoothing, a known trick, but not the "
        "formula asked for.",
        "Which label does a real example have in a cross-entropy without tricks?",
    ),
    Wrong(
        "BITS",
        lambda r, f: d_terms(r, f) / torch.log(torch.tensor(2.0)),
        "Your loss is 1.4427 times the formula's: it counts in bits (log to the base 2).",
        "The course's log is the natural one.",
    ),
    Wrong("OTHER-FAMILY", lambda r, f: f - r, "This is Wasserstein's loss for a critic.", OTHER),
    Wrong("OTHER-FAMILY", lambda r, f: relu(1 - r) + relu(1 + f), "This is the hinge loss.", OTHER),
    Wrong("OTHER-FAMILY", lambda r, f: (r - 1) ** 2 + f**2, "This is least squares.", OTHER),
    Wrong("OTHER-FAMILY", lambda r, f: softplus(f - r), "This is the relativistic loss.", OTHER),
]


def d_loss(my_d_loss):
    """my_d_loss(real [n], fake [n]) -> D's cross-entropy, from logits, differentiable."""
    judge_value(my_d_loss, d_terms, D_WRONG, BATCHES)
    judge_gradients(my_d_loss, d_terms, BATCHES)
    judge_far(my_d_loss, d_terms)
    return "Right, and finite with the right gradient at logits of 2000."


# ---- 03.g_loss -----------------------------------------------------------------------------------

FAKES = [(torch.tensor([0.5, -3.0]),), (torch.tensor([1.3, -2.2, -0.4]),)]
FAR_FAKES = [(torch.tensor([t / 2, -t, -2 * t]),) for t in (20.0, 100.0, 1000.0)]


def g_terms(fake):
    return softplus(-fake)


def g_slopes(fake):
    return -sigmoid(-fake) / len(fake)


G_WRONG = [
    Wrong(
        "SATURATING-FOR-NON-SATURATING",
        lambda f: -softplus(f),
        "This is E log(1 - D(G(z))), the saturating loss: it has the right direction, but at a "
        "logit of -10 its gradient is 0.000045, so a generator that is far behind stands still.",
        "The exercise asks for the other form, whose gradient is strongest where G is worst.",
    ),
    Wrong(
        "G-HELPS-D",
        lambda f: softplus(f),
        "Your loss falls when D recognises the fakes: this G works for D.",
        "Which label does G want D to give to its examples?",
    ),
    Wrong(
        "MINUS-FORGOTTEN",
        lambda f: -softplus(-f),
        "You return E log D(G(z)), which G wants large; a minimiser will make it small.",
        "Both players minimise here. What must happen to a quantity that should grow?",
    ),
    Wrong(
        "ARTICLE-G-LOSS",
        lambda f: -f,
        "This is the article's code, G_loss = -D_output.mean(). It belongs to a critic (hinge, "
        "Wasserstein); here D's answer is the logit of a probability.",
        "Write down -log D for D = sigmoid(s), and simplify.",
    ),
    Wrong(
        "ARTICLE-G-LOSS",
        lambda f: -sigmoid(f),
        "This is the article's code behind a sigmoid, -E D(G(z)): its gradient carries D(1 - D) "
        "and dies at both ends.",
        "There is a logarithm in the formula.",
    ),
    Wrong(
        "HINGE-FOR-G",
        lambda f: relu(1 - f),
        "This is a hinge: it stops teaching at the logit 1, and it is not a cross-entropy.",
        "Write down -log D for D = sigmoid(s), and simplify.",
    ),
    Wrong(
        "OTHER-FAMILY",
        lambda f: (f - 1) ** 2,
        "This is G's least-squares loss.",
        "This exercise asks for the cross-entropy.",
    ),
    Wrong(
        "DOUBLE-SIGMOID",
        lambda f: softplus(-sigmoid(f)),
        "A sigmoid was applied twice: once by hand, and once inside a loss that expects logits.",
        "Find the two places in which a logit becomes a probability, and keep one.",
    ),
    Wrong(
        "MEAN-TOO-EARLY",
        lambda f: softplus(-f.mean()),
        "The logits are averaged first and the loss is taken of the average: a hopeless example "
        "can hide behind a good one.",
        "In the formula, is the expectation outside or inside the logarithm?",
    ),
    Wrong(
        "SUM-NOT-MEAN",
        lambda f: len(f) * softplus(-f),
        "The terms are added up over the batch: with a batch twice as large, the loss is twice "
        "as large.",
        "Which operation on a batch stands for the letter E?",
    ),
    Wrong(
        "HALVED",
        lambda f: softplus(-f) / 2,
        "Your loss is half of the formula's.",
        "There is no factor in -E log D(G(z)).",
    ),
]
SLOPES_WRONG = [  # gradients, one value an example, each also without the 1/n
    Wrong(
        "GRADIENT-SIGN",
        lambda f: -g_slopes(f),
        "Your gradient points to where the loss falls. The gradient is the slope of the loss "
        "itself; the optimiser turns it round.",
        "Raise one logit a little: does your loss rise or fall? That is the sign.",
    ),
    Wrong(
        "GRADIENT-OF-ANOTHER",
        lambda f: -sigmoid(f) / len(f),
        "Your loss is non-saturating, but your gradient is that of log(1 - D), the saturating one: "
        "it is weak exactly where G is worst.",
        "Differentiate the loss that you return, at s = -3.",
    ),
    Wrong(
        "GRADIENT-OF-ANOTHER",
        lambda f: sigmoid(f) / len(f),
        "Your gradient is that of -log(1 - D), D's own fake term: following it, G would help D.",
        "Differentiate the loss that you return, at s = -3.",
    ),
    Wrong(
        "CHAIN-RULE",
        lambda f: -1 / sigmoid(f) / len(f),
        "Your gradient is the slope with respect to the probability D, not to the logit s.",
        "D depends on s: multiply by dD/ds, and simplify.",
    ),
    Wrong(
        "SIGMOID-SLOPE",
        lambda f: -sigmoid(f) * (1 - sigmoid(f)) / len(f),
        "Your gradient is that of -D: it carries the sigmoid's slope D(1 - D), which dies at "
        "both ends.",
        "The logarithm has a derivative too, and it cancels one of these factors.",
    ),
    Wrong(
        "GRADIENT-NOT-AVERAGED",
        lambda f: len(f) * g_slopes(f),
        "Your gradient is that of each example's own term. The loss is their mean: in a batch of "
        "n, one logit moves it by less.",
        "Compare with autograd on a batch of 2 and on a batch of 4.",
    ),
]


def g_loss(my_g_loss):
    """my_g_loss(fake [n]) -> (the non-saturating loss, its gradient in each logit [n])."""
    for batch in FAKES:
        _judge_two(my_g_loss(batch[0].clone()), len(batch[0]))

    def loss(fake):
        return my_g_loss(fake)[0]

    judge_value(loss, g_terms, G_WRONG, FAKES)
    judge_gradients(loss, g_terms, FAKES)
    _judge_slopes([_slopes(my_g_loss, f.clone()) for (f,) in FAKES])
    judge_far(loss, g_terms, batches=FAR_FAKES)
    for (fake,) in FAR_FAKES:
        _judge_far_slopes(_slopes(my_g_loss, fake.clone()), fake)
    return "Right: at s = -10 the slope is still -1 an example; the saturating loss has -0.000045."


def _judge_two(answer, n):
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Misconception(
            "ONE-OF-TWO",
            f"Your function returned {_kinds(answer)}; two things are asked for.",
            "End with `return loss, gradient`.",
        )
    first, second = (getattr(x, "numel", lambda: 1)() for x in answer)
    if first == n and second == 1:
        raise Misconception(
            "UNREDUCED" if _negative(answer[1]) else "ORDER-SWAPPED",
            f"The first of the two results has {n} values and the second has one.",
            "The loss, one number, comes first; then the gradient, a number for each example.",
        )


def _negative(x):
    return isinstance(x, torch.Tensor | float | int) and float(x) < 0


def _slopes(my_g_loss, fake):
    found = my_g_loss(fake)[1]
    try:
        slopes = torch.as_tensor(found).detach()
    except (TypeError, ValueError, RuntimeError):
        slopes = torch.zeros(0)
    if slopes.shape == fake.shape:
        return slopes
    shape = f"has shape {list(slopes.shape)}" if len(slopes.shape) else "is a single number"
    raise Misconception(
        "GRADIENT-REDUCED",
        f"For {len(fake)} logits your gradient "
        + (f"{shape}." if slopes.numel() else f"is a {type(found).__name__}."),
        "Each logit has its own slope: the gradient has the shape of the logits.",
    )


def _judge_slopes(slopes):
    fakes = [fake for (fake,) in FAKES]
    if all(near(s, g_slopes(f)) for s, f in zip(slopes, fakes)):
        return
    for entry in SLOPES_WRONG:
        if any(
            all(_same(s, entry.terms(f), k) for s, f in zip(slopes, fakes)) for k in (False, True)
        ):
            raise Misconception(entry.code, entry.seen, entry.next_step)
    raise Misconception(
        "GRADIENT-VALUE",
        f"Your loss is right. At fake = {fakes[0].tolist()} your gradient is "
        f"{[round(v, 4) for v in slopes[0].tolist()]}, which is not its slope.",
        "Move the first logit by 0.001, see how far the loss moves, and divide.",
    )


def _same(slopes, formula, times_n):
    return near(slopes, formula * len(slopes) if times_n else formula)


def _judge_far_slopes(slopes, fake):
    if near(slopes, g_slopes(fake), 1e-3):
        return
    raise Misconception(
        "LOG-OF-SIGMOID" if not torch.isfinite(slopes).all() else "EPSILON-PATCH",
        f"Your gradient is right at small logits; at fake = {fake.tolist()} it is "
        f"{slopes.tolist()}.",
        "Simplify the formula on paper until nothing is divided by a probability.",
    )


# ---- 03.family -----------------------------------------------------------------------------------


@dataclass
class Family:
    """Right pairs of terms (d, g, remark), and the mistakes that belong to this family."""

    pairs: list
    remark: str
    d_wrong: list = field(default_factory=list)
    g_wrong: list = field(default_factory=list)
    squashed: str = "SIGMOID-FIRST"  # what a sigmoid before the formula is called
    factors: tuple = (1.0,)


def ls_d(r, f):
    return (r - 1) ** 2 + f**2


def ls_wide_d(r, f):
    return (r - 1) ** 2 + (f + 1) ** 2


def ls_g(r, f):
    return (f - 1) ** 2


def hinge_d(r, f):
    return relu(1 - r) + relu(1 + f)


def critic_d(r, f):
    return f - r


def critic_g(r, f):
    return -f


def relativistic_d(r, f):
    return softplus(f - r)


def relativistic_g(r, f):
    return softplus(r - f)


def all_pairs_d(r, f):
    return softplus(f[None, :] - r[:, None])


def all_pairs_g(r, f):
    return softplus(r[:, None] - f[None, :])


def saturating_g(r, f):
    return -softplus(f)


def nonsaturating_g(r, f):
    return softplus(-f)


def helps(terms, family):
    """G's loss with the wrong sign, under the name that the syllabus gives it."""
    return Wrong(
        "G-HELPS-D",
        terms,
        f"Your {family} loss for G falls when D recognises the fakes: this G works for D.",
        "Raise one fake logit by 1: D is more easily fooled. Should G's loss rise or fall?",
    )


MARGIN = (
    "A sign inside max(0, ...) is wrong: D is punished beyond the margin on the side where it is "
    "right, or pushed to the wrong side."
)
MARGIN_NEXT = (
    "A real logit of 3 and a fake one of -3 are beyond the margins: there D's loss must be 0."
)
HINGED_G = (
    "G's loss has a hinge in it. Only D's has: G's keeps a slope of 1 everywhere, so that G is "
    "never left without a direction."
)
REAL_TERM = " (your G's loss carries the real term too: harmless, since G cannot change it)"
ABSOLUTE = Wrong(
    "ABSOLUTE",
    lambda r, f: (f.mean() - r.mean()).abs(),
    "The absolute value makes real and fake exchangeable: D is not told which side should be "
    "higher.",
    "Put real = [-5.] and fake = [5.]: D is entirely wrong. What does your loss say?",
)
FAMILIES = {
    "least squares": Family(
        pairs=[
            (ls_d, ls_g, ""),
            (ls_wide_d, ls_g, " (with the targets -1 and 1)"),
            (ls_wide_d, lambda r, f: f**2, " (with the paper's other targets: -1, 1 and 0)"),
        ],
        remark="It never saturates, but an example that D calls *too* real is pulled back as well.",
        d_wrong=[
            Wrong(
                "ALL-REAL",
                lambda r, f: (r - 1) ** 2 + (f - 1) ** 2,
                "Real and fake have the same target: D is rewarded for believing the fakes.",
                "Which number should D return for a generated example?",
            ),
            Wrong(
                "ALL-FAKE",
                lambda r, f: r**2 + f**2,
                "Real and fake have the same target: D is rewarded for rejecting the data.",
                "Which number should D return for a real example?",
            ),
        ],
        g_wrong=[helps(lambda r, f: f**2, "least-squares")],
        factors=(1.0, 0.5),
    ),
    "hinge": Family(
        pairs=[(hinge_d, critic_g, "")],
        remark="D stops learning from an example that is beyond the margin; G never stops.",
        d_wrong=[
            *[
                Wrong("MARGIN-SIGN", terms, MARGIN, MARGIN_NEXT)
                for terms in (
                    lambda r, f: relu(1 + r) + relu(1 - f),
                    lambda r, f: relu(1 - r) + relu(1 - f),
                    lambda r, f: relu(1 + r) + relu(1 + f),
                    lambda r, f: relu(r - 1) + relu(-1 - f),
                )
            ],
            Wrong(
                "NO-MARGIN",
                lambda r, f: relu(-r) + relu(f),
                "D is content as soon as a logit has the right sign: the margin is missing, and "
                "a D that always answers 0 has the perfect loss 0.",
                "What is D's loss when every logit is 0? A D that knows nothing should pay.",
            ),
            Wrong(
                "RELU-FORGOTTEN",
                lambda r, f: 2 - r + f,
                "The margin is there but not max(0, ...): without it the 1s are idle constants, "
                "and the loss is Wasserstein's plus 2, with no lower bound.",
                MARGIN_NEXT,
            ),
        ],
        g_wrong=[
            helps(lambda r, f: f, "hinge"),
            *[
                Wrong("HINGE-FOR-G", terms, HINGED_G, "Plot G's slope over logits from -3 to 3.")
                for terms in (
                    lambda r, f: relu(1 - f),
                    lambda r, f: -relu(1 + f),
                    lambda r, f: relu(1 + f),
                    lambda r, f: -hinge_d(r, f),
                )
            ],
        ],
    ),
    "Wasserstein": Family(
        pairs=[(critic_d, critic_g, ""), (critic_d, lambda r, f: r - f, REAL_TERM)],
        remark="It has no lower bound: alone it runs away, so a penalty must keep D smooth.",
        d_wrong=[ABSOLUTE, ABSOLUTE._replace(terms=lambda r, f: -(f.mean() - r.mean()).abs())],
        g_wrong=[
            helps(lambda r, f: f, "Wasserstein"),
            Wrong(
                "HINGE-FOR-G",
                lambda r, f: relu(1 - f),
                HINGED_G,
                "Plot G's slope over logits from -3 to 3.",
            ),
        ],
    ),
    "relativistic": Family(
        pairs=[
            (relativistic_d, relativistic_g, ""),
            (all_pairs_d, all_pairs_g, " (over all n x n pairs: the same expectation)"),
        ],
        remark="Only the difference of two logits counts: adding 7 to both changes nothing.",
        d_wrong=[
            Wrong(
                "RELATIVISTIC-SIGN",
                relativistic_g,
                "D's loss falls when fakes score above their real partners: the difference is "
                "the wrong way round.",
                "Try real = [5.] and fake = [-5.]: D is right. Should its loss be large?",
            ),
            Wrong(
                "RELATIVISTIC-OF-MEANS",
                lambda r, f: softplus(f.mean() - r.mean()),
                "You compare the mean real logit with the mean fake one. The loss compares each "
                "pair, and averages afterwards; that is not the same, because softplus is "
                "curved.",
                "How many differences does a batch of n have, and when are they averaged?",
            ),
            Wrong(
                "RELATIVISTIC-AVERAGE",
                lambda r, f: softplus(f.mean() - r) + softplus(f - r.mean()),
                "This is the *relativistic average* loss of the same paper: each example against "
                "the mean of the other kind.",
                "The exercise asks for the paired one: real i against fake i, one term a pair.",
            ),
        ],
        g_wrong=[
            helps(relativistic_d, "relativistic"),
            Wrong(
                "RELATIVISTIC-OF-MEANS",
                lambda r, f: softplus(r.mean() - f.mean()),
                "G's loss compares the two mean logits. It should compare each pair, and average "
                "afterwards; that is not the same, because softplus is curved.",
                "How many differences does a batch of n have, and when are they averaged?",
            ),
            Wrong(
                "RELATIVISTIC-AVERAGE",
                lambda r, f: softplus(r - f.mean()) + softplus(r.mean() - f),
                "This is the *relativistic average* loss of the same paper.",
                "The exercise asks for the paired one: real i against fake i, one term a pair.",
            ),
            Wrong(
                "G-BLIND-TO-REAL",
                nonsaturating_g,
                "G's loss does not look at the real logits: it is the ordinary non-saturating "
                "loss.",
                "In a relativistic game G wins by beating its partner. Which partner?",
            ),
        ],
        squashed="DOUBLE-SIGMOID",
    ),
    "saturating": Family(
        pairs=[
            (d_terms, saturating_g, ""),
            (d_terms, lambda r, f: -d_terms(r, f), REAL_TERM),
            (d_terms, lambda r, f: softplus(-r) - softplus(f), REAL_TERM),
        ],
        remark="This is the minimax game; on fakes that D rejects surely, G gets no gradient.",
        d_wrong=[entry for entry in D_WRONG if entry.code in ("ALL-REAL", "ALL-FAKE")]
        + [entry for entry in D_WRONG if entry.code.endswith("TERM-FLIPPED")],
        g_wrong=[
            Wrong(
                "NON-SATURATING-FOR-SATURATING",
                nonsaturating_g,
                "This G is non-saturating: the better choice in practice, but not the family you "
                "named.",
                "In the minimax game G minimises the very quantity that D maximises.",
            ),
            helps(lambda r, f: softplus(f), "saturating"),
        ],
        squashed="DOUBLE-SIGMOID",
    ),
}
NAMED = {  # part of a name -> family
    "nonsat": None,
    "leastsquare": "least squares",
    "lsgan": "least squares",
    "mse": "least squares",
    "hinge": "hinge",
    "wasserstein": "Wasserstein",
    "wgan": "Wasserstein",
    "relativistic": "relativistic",
    "rpgan": "relativistic",
    "saturating": "saturating",
    "minimax": "saturating",
}


def family(my_family):
    """my_family(real [n], fake [n]) -> (name, D's loss, G's loss) of one of five families."""
    name = _named(my_family(*(x.clone() for x in BATCHES[0])))
    chosen = FAMILIES[name]

    def d(real, fake):
        return my_family(real, fake)[1]

    def g(real, fake):
        return my_family(real, fake)[2]

    d_what, g_what = f"your {name} loss for D", f"your {name} loss for G"
    d_right, g_right, remark = _pair(chosen, d, g, d_what, g_what)
    judge_value(d, d_right, _mistakes(chosen, name, 0), BATCHES, d_what)
    judge_value(g, g_right, _mistakes(chosen, name, 1), BATCHES, g_what)
    judge_gradients(d, d_right, BATCHES, d_what)
    _judge_fake_gradient(g, g_right, g_what)
    judge_far(d, d_right, d_what)
    judge_far(g, g_right, g_what)
    return f"Right: the {name} pair{remark}. {chosen.remark} There are four more to try."


def _named(answer):
    """The family that the answer's first part names."""
    three = isinstance(answer, tuple | list) and len(answer) == 3 and isinstance(answer[0], str)
    if not three or any(callable(x) and not isinstance(x, torch.Tensor) for x in answer[1:]):
        raise Misconception(
            "NOT-THREE",
            f"Your function returned {_kinds(answer)}; a name and two losses are asked for.",
            'End with `return "the name", d_loss, g_loss`: two losses of these very logits.',
        )
    key = re.sub("[^a-z]", "", answer[0].lower())
    found = next((family for part, family in NAMED.items() if part in key), None)
    if found is None:
        raise Misconception(
            "UNKNOWN-FAMILY",
            f"The name you returned is {answer[0]!r}.",
            f"Choose one of: {', '.join(FAMILIES)}.",
        )
    return found


def _kinds(answer):
    if not isinstance(answer, tuple | list):
        return f"one thing of type {type(answer).__name__}"
    return "(" + ", ".join(type(x).__name__ for x in answer) + ")"


def _pair(chosen, d, g, d_what, g_what):
    """The right pair that the answer is, or comes nearest to: the terms of d and g and a remark."""
    d_values = [evaluate(d, batch, d_what) for batch in BATCHES]
    g_values = [evaluate(g, batch, g_what) for batch in BATCHES]
    half_right = None
    for d_terms_, g_terms_, remark in chosen.pairs:
        for a in chosen.factors:
            scaled_d, scaled_g = _scaled(d_terms_, a), _scaled(g_terms_, a)
            d_fits, g_fits = fits(d_values, scaled_d, BATCHES), fits(g_values, scaled_g, BATCHES)
            note = remark + (" (with the paper's factor 1/2)" if a != 1 else "")
            if d_fits and g_fits:
                return scaled_d, scaled_g, note
            if d_fits or g_fits:
                half_right = half_right or (scaled_d, scaled_g, note)
    first = chosen.pairs[0]
    if fits(d_values, first[1], BATCHES) and fits(g_values, first[0], BATCHES):
        if chosen is not FAMILIES["relativistic"]:
            raise Misconception(
                "PLAYERS-SWAPPED",
                "The second part of your result is G's loss and the third is D's.",
                "Name first, then D's loss, then G's.",
            )
    return half_right or first


def _scaled(terms, factor):
    return lambda r, f: factor * terms(r, f)


def _mistakes(chosen, name, player):
    """The mistakes of this family, then those that any family knows, for D (0) or G (1)."""
    own = chosen.g_wrong if player else chosen.d_wrong
    return [*own, *_common(chosen.pairs[0][player], chosen, name, player), *_others(name, player)]


def _common(terms, chosen, name, player):
    who = f"your {name} loss for {'DG'[player]}"
    swapped = Wrong(
        "LABELS-SWAPPED",
        lambda r, f: terms(f, r),
        "D's loss is small when real examples score low and generated ones high.",
        "Try real = [5.] and fake = [-5.]: D is right about both. Should the loss be large?",
    )
    article = [entry for entry in D_WRONG if entry.code == "ARTICLE-D-LOSS"]
    one = [
        ("real", lambda r, f: terms(r, torch.full_like(f, -1e4))),
        ("generated", lambda r, f: terms(torch.full_like(r, 1e4), f)),
    ]
    one_term = [
        Wrong(
            "ONE-TERM",
            alone,
            f"Only the {kind} examples count in {who}.",
            "Which of the two arguments does your result not depend on?",
        )
        for kind, alone in one
    ]
    return [
        *([] if player else [swapped, *article, *one_term]),
        Wrong(
            "MINUS-FORGOTTEN",
            lambda r, f: -terms(r, f),
            f"{_cap(who)} is the negative of what this player minimises.",
            "Both players minimise. What must happen to a quantity that should grow?",
        ),
        Wrong(
            chosen.squashed,
            lambda r, f: terms(sigmoid(r), sigmoid(f)),
            f"A sigmoid was applied to the logits before {who}: it squeezes them into (0, 1) and "
            "takes the gradient away at both ends.",
            "This family works on D's raw output.",
        ),
        Wrong(
            "MEAN-TOO-EARLY",
            lambda r, f: terms(r.mean(), f.mean()),
            f"In {who} the logits are averaged before the formula is applied, not after.",
            "Is the expectation outside or inside the square, the max or the softplus?",
        ),
        Wrong(
            "SUM-NOT-MEAN",
            lambda r, f: len(r) * terms(r, f),
            f"{_cap(who)} is added up over the batch: a larger batch gives a larger loss.",
            "Which operation on a batch stands for the letter E?",
        ),
        Wrong(
            "HALVED",
            lambda r, f: terms(r, f) / 2,
            f"{_cap(who)} is half of the formula's.",
            "Was one mean taken over all 2n examples? The formula has an expectation for each "
            "kind.",
        ),
    ]


def _others(name, player):
    """The same player's loss in the other families."""
    table = {other: f.pairs[0][player] for other, f in FAMILIES.items() if other != name}
    if player:
        table["non-saturating"] = nonsaturating_g
    return [
        Wrong(
            "WRONG-FAMILY",
            terms,
            f"Your loss for {'DG'[player]} is the {other} one; the name you returned is {name}.",
            "Is it the name or the formula that you meant?",
        )
        for other, terms in table.items()
    ]


def _judge_fake_gradient(g, right, what):
    """G learns through the fake logits; a gradient to the real ones is neither asked nor wrong."""
    for batch in BATCHES:
        mine = gradients(g, batch, what)[1]
        if not near(mine, gradients(lambda *b: right(*b).mean(), batch)[1], 1e-3):
            raise _no_gradient(what, "the fake logits do not get their gradient")


EXERCISES = {"d_loss": d_loss, "g_loss": g_loss, "family": family}

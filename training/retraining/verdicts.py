"""The gate's verdict: its checks, each with a sentence in the language of the page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext, gettext_noop

from recognizer.numbers import grouped, percentage

Figures = dict[str, Any]


def decimals(count: int) -> Callable[[float], str]:
    return lambda number: grouped(number, count)


def percent(count: int) -> Callable[[float], str]:
    return lambda share: percentage(share, count)


@dataclass(frozen=True)
class Sentence:
    """A sentence with placeholders. formats: how to format figures that are not whole numbers or names."""

    words: str
    formats: Mapping[str, Callable[[float], str]] = field(default_factory=dict)

    def said(self, figures: Figures) -> str:
        return gettext(self.words) % {name: self._written(name, figure) for name, figure in figures.items()}

    def _written(self, name: str, figure: Any) -> str:
        return figure if isinstance(figure, str) else self.formats.get(name, grouped)(figure)


SENTENCES = {
    gettext_noop("MNIST validation"): Sentence(
        gettext_noop(
            "%(wrong)s of %(total)s wrong, before %(before)s: fixed %(fixed)s, broke %(broke)s (p = %(p)s). "
            "At most %(allowed)s worse is allowed."
        ),
        {"p": decimals(3), "allowed": percent(2)},
    ),
    gettext_noop("each digit"): Sentence(
        gettext_noop(
            "The recall of %(digit)s falls most, from %(before)s to %(after)s. At most %(allowed)s lower is allowed."
        ),
        {"before": percent(2), "after": percent(2), "allowed": percent(1)},
    ),
    gettext_noop("held-out corrections"): Sentence(
        gettext_noop(
            "%(right)s of %(total)s right, before %(before)s: fixed %(fixed)s, broke %(broke)s (p = %(p)s). "
            "It must fix more than it breaks."
        ),
        {"p": decimals(3)},
    ),
    gettext_noop("labels hold together"): Sentence(
        gettext_noop(
            "%(unlearnt)s of the training digits are still read otherwise. Above %(allowed)s, some labels are "
            "probably wrong."
        ),
        {"unlearnt": percent(1), "allowed": percent(0)},
    ),
    gettext_noop("refusals"): Sentence(
        gettext_noop(
            "Refuses %(refused)s of pages without a number, before %(before)s, and %(digits)s of MNIST, before "
            "%(digits_before)s. At most %(fewer)s fewer and %(more)s more are allowed."
        ),
        {
            "refused": percent(1), "before": percent(1), "digits": percent(2), "digits_before": percent(2),
            "fewer": percent(0), "more": percent(2),
        },
    ),
    gettext_noop("calibration"): Sentence(
        gettext_noop("Confidence is off by %(off)s, before %(before)s. At most %(allowed)s more is allowed."),
        {"off": percent(2), "before": percent(2), "allowed": percent(1)},
    ),
    gettext_noop("speed"): Sentence(
        gettext_noop(
            "%(now)s ms for each digit, before %(before)s ms. At most %(allowed)s times as long is allowed."
        ),
        {"now": decimals(2), "before": decimals(2), "allowed": decimals(2)},
    ),
    gettext_noop("champion"): Sentence(
        gettext_noop("The current version is now %(now)s, but the comparison was with %(before)s. Retrain.")
    ),
}  # fmt: skip
"""The sentence of each check, by its name."""


@dataclass(frozen=True)
class Check:
    """One check: whether it passed, and the figures of its sentence."""

    name: str
    passed: bool
    figures: Figures

    @property
    def sentence(self) -> str:
        return SENTENCES[self.name].said(self.figures)

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "passed": self.passed, "sentence": self.sentence, "figures": self.figures}


@dataclass(frozen=True)
class Verdict:
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {"passed": self.passed, "checks": [check.as_json() for check in self.checks]}


def told(check: dict[str, Any]) -> dict[str, Any]:
    """Return a stored check with its name and sentence in the language of the page.

    Older checks were stored without figures; their sentence is returned unchanged.
    """
    sentence = SENTENCES[check["name"]].said(check["figures"]) if "figures" in check else check["sentence"]
    return check | {"name": gettext(check["name"]), "sentence": sentence}

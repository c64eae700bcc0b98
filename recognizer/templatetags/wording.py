"""Template filters that put numbers and names into words."""

from collections import Counter
from typing import Any

from django import template
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy, ngettext

from recognizer.numbers import grouped, percentage
from recognizer.reading import SURE_FROM

register = template.Library()
VERY_SURE_FROM = 0.98


@register.filter
def percent(share: float) -> str:
    """Format a probability as a percentage, never rounded to 0 or 100 %."""
    if share >= 0.9995:
        return f"> {percentage(0.999, 1)}"
    if share < 0.0005:
        return f"< {percentage(0.001, 1)}"
    return percentage(share, 1)


@register.filter
def exact_percent(share: float) -> str:
    """Format a share as a percentage with two decimals."""
    return percentage(share, 2)


@register.filter
def percent_width(share: float) -> str:
    """Format a share as the width of a bar in SVG."""
    return f"{share:.2%}"


@register.filter
def sureness(confidence: float) -> str:
    """Describe a confidence in words: "Unsure" below the threshold."""
    if confidence >= VERY_SURE_FROM:
        return gettext("Very sure")
    return gettext("Fairly sure") if confidence >= SURE_FROM else gettext("Unsure")


@register.filter
def ignored_words(ignored: list[dict[str, Any]]) -> str:
    """List ignored marks: "A point and 2 dashes were ignored."."""
    counts = Counter(str(thing["kind"]) for thing in ignored)
    if not counts:
        return ""
    words = [_counted(kind, count) for kind, count in counts.items()]
    first, last = ", ".join(words[:-1]), words[-1]
    things = gettext("%(first)s and %(last)s") % {"first": first, "last": last} if first else last
    sentence = ngettext("%(things)s was ignored.", "%(things)s were ignored.", counts.total())
    return str(capfirst(sentence % {"things": things}))


def _counted(kind: str, count: int) -> str:
    match kind:
        case "point":
            words = ngettext("a point", "%(count)d points", count)
        case "dash":
            words = ngettext("a dash", "%(count)d dashes", count)
        case "letter":
            words = ngettext("a letter", "%(count)d letters", count)
        case "print":
            words = ngettext("a print", "%(count)d prints", count)
        case _:
            words = f"%(count)d × {kind}"
    return words % {"count": count}


SET_TITLES = {
    "MNIST test": gettext_lazy("MNIST test digits"),
    "strings, apart": gettext_lazy("Digits apart"),
    "strings, touching": gettext_lazy("Digits close together"),
    "drawings": gettext_lazy("Drawn numbers"),
    "photographs": gettext_lazy("Photographed pages"),
    "no numbers": gettext_lazy("Not a number (refused)"),
    "desk": gettext_lazy("Paper on a desk"),
    "forms": gettext_lazy("Forms"),
    "turned": gettext_lazy("Turned pages"),
    "pencil": gettext_lazy("Pencil"),
    "touching": gettext_lazy("Touching digits of new writers"),
    "letters": gettext_lazy("Letters (refused)"),
    "semeion": gettext_lazy("Semeion digits"),
    "cheques_dev": gettext_lazy("Cheque amounts"),
    "ledger_dev": gettext_lazy("Parish registers"),
    "phone_dev": gettext_lazy("Published phone photos"),
    "sudoku_photo_dev": gettext_lazy("Digits in sudoku grids"),
}


@register.filter
def set_title(name: str) -> str:
    """Return the title of a test set; of an unknown one, its name."""
    return str(SET_TITLES.get(name, name.replace("_", " ")))


@register.filter
def thousands(number: int) -> str:
    """Group the digits of a large number by thousands, in the language of the page."""
    return grouped(number)

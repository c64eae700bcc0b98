"""Links from years to months to days of an admin list, from its first to its last day.

Django's own query reads all rows to find their days; this takes two index lookups.
"""

from datetime import date, timedelta
from itertools import takewhile
from typing import Any

from django import template
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy

register = template.Library()
PARTS = ("year", "month", "day")
FORMS = ("Y", gettext_lazy("F Y"), gettext_lazy("j F"))


@register.inclusion_tag("admin/date_hierarchy.html")
def dates(changelist: Any) -> dict[str, Any]:
    """Offer the periods one level below the selected one, and the way back up."""
    field = changelist.date_hierarchy
    moments = changelist.model._default_manager.order_by(field).values_list(field, flat=True)
    first, last = moments.first(), moments.last()
    if first is None:
        return {"show": False}

    def link(period: tuple[int, ...]) -> str:
        params = {f"{field}__{part}": number for part, number in zip(PARTS, period, strict=False)}
        return str(changelist.get_query_string(params, [f"{field}__"]))

    given = takewhile(lambda part: f"{field}__{part}" in changelist.params, PARTS)
    chosen = tuple(int(changelist.params[f"{field}__{part}"]) for part in given)
    days = [first.date() + timedelta(number) for number in range((last.date() - first.date()).days + 1)]
    below = periods(days, chosen)
    if not chosen and len(below) == 1:
        below = periods(days, next(iter(below)))
    back = {"link": link(chosen[:-1]), "title": title(chosen[:-1])} if chosen else None
    choices = [{"link": link(period), "title": title(period)} for period in below]
    return {"show": True, "back": back, "choices": choices or [{"title": title(chosen)}]}


def periods(days: list[date], within: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the years between two days, or the months or days within one of them; nothing below a day."""
    if len(within) == len(PARTS):
        return []
    known = ((day.year, day.month, day.day)[: len(within) + 1] for day in days)
    return list(dict.fromkeys(period for period in known if period[:-1] == within))


def title(period: tuple[int, ...]) -> str:
    if not period:
        return gettext("All dates")
    return str(date_format(date(*(*period, 1, 1)[:3]), str(FORMS[len(period) - 1])))

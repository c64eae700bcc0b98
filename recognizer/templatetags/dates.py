"""Links from years to months to days of an admin list, offered from its first to its last day.

Django's own asks the rows which days they have, and reads all of them for it; here it is two looks into an index.
"""

from datetime import date, timedelta
from itertools import takewhile
from typing import Any

from django import template

register = template.Library()
PARTS = ("year", "month", "day")
FORMS = ("{:%Y}", "{:%B %Y}", "{:%-d %B}")


@register.inclusion_tag("admin/date_hierarchy.html")
def dates(changelist: Any) -> dict[str, Any]:
    """Offer the periods one step below what is asked for, and the way back up."""
    field = changelist.date_hierarchy
    moments = changelist.model._default_manager.order_by(field).values_list(field, flat=True)
    first, last = moments.first(), moments.last()
    if first is None:
        return {"show": False}

    def link(period: tuple[int, ...]) -> str:
        asked = {f"{field}__{part}": number for part, number in zip(PARTS, period, strict=False)}
        return str(changelist.get_query_string(asked, [f"{field}__"]))

    given = takewhile(lambda part: f"{field}__{part}" in changelist.params, PARTS)
    asked = tuple(int(changelist.params[f"{field}__{part}"]) for part in given)
    days = [first.date() + timedelta(number) for number in range((last.date() - first.date()).days + 1)]
    below = periods(days, asked)
    if not asked and len(below) == 1:
        below = periods(days, next(iter(below)))
    back = {"link": link(asked[:-1]), "title": title(asked[:-1])} if asked else None
    choices = [{"link": link(period), "title": title(period)} for period in below]
    return {"show": True, "back": back, "choices": choices or [{"title": title(asked)}]}


def periods(days: list[date], within: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the years of some days, or the months or days within one of them; nothing below a day."""
    if len(within) == len(PARTS):
        return []
    known = ((day.year, day.month, day.day)[: len(within) + 1] for day in days)
    return list(dict.fromkeys(period for period in known if period[:-1] == within))


def title(period: tuple[int, ...]) -> str:
    if not period:
        return "All dates"
    return FORMS[len(period) - 1].format(date(*(*period, 1, 1)[:3]))

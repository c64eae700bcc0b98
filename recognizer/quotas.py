"""Storage quotas: of a visitor, of a user, and of the whole site."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.db.models import Sum
from django.utils.translation import gettext, ngettext

from .exceptions import QuotaExceeded
from .identity import Identity
from .models import Prediction, Room, Usage
from .numbers import grouped

logger = logging.getLogger(__name__)

MB = 1_000_000
SITE, SITE_SECONDS = "quotas:site", 60
"""Cache key and lifetime of the sum over all owners, which is slow and need not be exact."""


def room_of(identity: Identity) -> Room:
    if identity.user is not None:
        return Room(settings.USER_QUOTA_PREDICTIONS, settings.USER_QUOTA_MB * MB)
    return Room(settings.VISITOR_QUOTA_PREDICTIONS, settings.VISITOR_QUOTA_MB * MB)


@dataclass(frozen=True)
class Meter:
    """Usage of a quota: in words, and as a share from 0 to 1 if there is a limit."""

    words: str
    share: float | None


def meters_of(identity: Identity) -> list[Meter]:
    """Return a person's usage, for the account page."""
    room, used = room_of(identity), Usage.objects.used_by(identity.owner)
    megabytes = used.image_bytes / MB
    return [
        _meter(
            used.predictions,
            room.predictions,
            gettext("%(used)s of %(limit)s readings")
            if room.predictions
            else ngettext("%(used)s reading", "%(used)s readings", used.predictions),
        ),
        _meter(
            megabytes,
            room.image_bytes / MB,
            gettext("%(used)s of %(limit)s MB of pictures") if room.image_bytes else gettext("%(used)s MB of pictures"),
            decimals=1,
        ),
    ]


def _meter(used: float, limit: float, words: str, decimals: int = 0) -> Meter:
    shown = {"used": grouped(used, decimals), "limit": grouped(limit)}
    return Meter(words % shown, min(1.0, used / limit) if limit else None)


def check_room(identity: Identity, predictions: int = 1, image_bytes: int = 0) -> None:
    """Refuse a picture that could not be stored, before reading it. Raises QuotaExceeded."""
    room = room_of(identity)
    used = Usage.objects.used_by(identity.owner)
    if not _fits(used.predictions + predictions, used.image_bytes + image_bytes, room):
        raise _exceeded(identity, predictions)
    site = Room(settings.SITE_QUOTA_PREDICTIONS, settings.SITE_QUOTA_MB * MB)
    if site.predictions or site.image_bytes:
        kept = _kept_by_all()
        if not _fits(kept[0] + predictions, kept[1] + image_bytes, site):
            raise QuotaExceeded(gettext("This site is full, and nothing was stored. Tell its operator."))


def count_in(identity: Identity, predictions: Sequence[Prediction]) -> None:
    """Add predictions to an owner's usage, in the transaction that stores them. Raises QuotaExceeded: roll back."""
    sizes = [prediction.image_bytes or 0 for prediction in predictions]
    if predictions and not Usage.objects.count_in(identity.owner, sizes, room_of(identity)):
        raise _exceeded(identity, len(predictions))


def _fits(predictions: int, image_bytes: int, room: Room) -> bool:
    """Return whether an amount is within a limit; 0 is no limit."""
    return not (0 < room.predictions < predictions or 0 < room.image_bytes < image_bytes)


def _kept_by_all() -> list[int]:
    try:
        return cache.get_or_set(SITE, _sum_of_all, SITE_SECONDS) or _sum_of_all()
    except Exception as error:  # Each cache has exceptions of its own.
        logger.error("the site's quota is summed up for each call, the cache does not answer: %s", error)
        return _sum_of_all()


def _sum_of_all() -> list[int]:
    sums = Usage.objects.aggregate(Sum("predictions", default=0), Sum("image_bytes", default=0))
    return [sums["predictions__sum"], sums["image_bytes__sum"]]


def _exceeded(identity: Identity, predictions: int) -> QuotaExceeded:
    room = room_of(identity)
    readings = ngettext("%(number)s reading", "%(number)s readings", room.predictions)
    readings %= {"number": grouped(room.predictions)}
    pictures = gettext("%(number)s MB of pictures") % {"number": grouped(room.image_bytes // MB)}
    if room.predictions and room.image_bytes:
        limits = gettext("%(first)s and %(last)s") % {"first": readings, "last": pictures}
    else:
        limits = readings if room.predictions else pictures
    of_a_user = identity.user is not None
    sentences = [
        gettext("An account may store %(limits)s.") if of_a_user else gettext("A visitor may store %(limits)s."),
        gettext("Nothing was stored: delete readings in the history, or all of them at /history/erase/.")
        if predictions == 1
        else gettext(
            "These %(number)s pictures would be too many: "
            "delete readings in the history, or all of them at /history/erase/."
        ),
    ]
    if not of_a_user:
        sentences.append(gettext("An account may store more."))
    return QuotaExceeded(" ".join(sentences) % {"limits": limits, "number": grouped(predictions)})

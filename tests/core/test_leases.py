from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from batches.models import Batch, Chunk, Delivery
from core.leases import Leased, LeaseLost
from training.models import TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[Chunk, Delivery, TrainingRun])
def row(request: pytest.FixtureRequest, user: User) -> Leased:
    """A row of each kind that workers lease, taken by one."""
    if request.param is TrainingRun:
        TrainingRun.objects.create()
    else:
        batch = Batch.objects.create(owner=user, total=1, source="api", state="running")
        facts = {"number": 0, "first": 1, "count": 1, "part": "none.zip"} if request.param is Chunk else {}
        request.param.objects.create(batch=batch, **facts)
    taken = take(request.param)
    assert taken is not None
    return taken


def take(model: type[models.Model]) -> Leased | None:
    if model is TrainingRun:
        fence = TrainingRun.objects.take(TrainingRun.objects.get().pk)
        return None if fence is None else TrainingRun.objects.get()
    return model.objects.take()  # type: ignore[attr-defined]


def expire_in(row: Leased, time: timedelta) -> None:
    type(row)._default_manager.update(lease_until=timezone.now() + time)


def test_leased_row_cannot_be_taken(row: Leased) -> None:
    assert take(type(row)) is None


def test_expired_lease_is_taken_with_a_new_fence(row: Leased) -> None:
    expire_in(row, timedelta(seconds=-1))
    following = take(type(row))
    assert following is not None
    assert following.fence == row.fence + 1


def test_lease_by_a_slightly_fast_clock_is_valid(row: Leased) -> None:
    expire_in(row, 1.5 * row.lease)
    assert take(type(row)) is None


def test_lease_longer_than_possible_is_ignored(row: Leased) -> None:
    expire_in(row, timedelta(days=400))
    assert take(type(row)) is not None


def test_heartbeat_extends_the_lease(row: Leased) -> None:
    expire_in(row, timedelta(seconds=1))
    manager = type(row)._default_manager
    manager.heartbeat(row.pk, row.fence)  # type: ignore[attr-defined]
    row.refresh_from_db()
    assert row.lease_until is not None
    assert row.lease_until > timezone.now() + row.lease / 2


def test_lost_lease_can_neither_be_renewed_nor_written(row: Leased) -> None:
    expire_in(row, timedelta(seconds=-1))
    take(type(row))
    manager = type(row)._default_manager
    with pytest.raises(LeaseLost):
        manager.heartbeat(row.pk, row.fence)  # type: ignore[attr-defined]
    with pytest.raises(LeaseLost):
        manager.report(row.pk, row.fence, lease_until=None)  # type: ignore[attr-defined]

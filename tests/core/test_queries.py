import uuid
from collections.abc import Callable
from copy import copy

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.base import ModelState
from django.test.utils import CaptureQueriesContext

from core.queries import Prepared, PreparedInsert
from keys.models import Key, Secret
from recognizer.models import Prediction, Usage

Make = Callable[..., Prediction]


@pytest.mark.database
@pytest.mark.django_db
def test_prepared_query_returns_what_the_manager_returns(user: User) -> None:
    Key.objects.issue(user)
    secret = Secret.objects.get()
    with CaptureQueriesContext(connection) as queries:
        found = Prepared(Secret, "digest").row(secret.digest)
        assert found is not None
        rows = (found, found.key, found.user)
    assert len(queries) == 1
    for row, same in zip(rows, (secret, secret.key, secret.user), strict=True):
        for field in same._meta.concrete_fields:
            assert getattr(row, field.attname) == getattr(same, field.attname)


@pytest.mark.database
@pytest.mark.django_db
def test_prepared_query_of_each_value_returns_its_row(user: User) -> None:
    visitors = [uuid.uuid4() for _ in range(2)]
    for visitor in visitors:
        Usage.objects.create(visitor=visitor)
    query = Prepared(Usage, "visitor")
    assert [getattr(query.row(visitor), "visitor", None) for visitor in (*visitors, uuid.uuid4())] == [*visitors, None]
    assert Prepared(Usage, "owner").row(user.pk) is None


@pytest.mark.database
@pytest.mark.django_db
def test_prepared_insert_stores_what_save_stores(make_prediction: Make, user: User) -> None:
    saved = make_prediction(owner=user, text="4\n2", ignored=[{"kind": "mark", "box": [1, 2, 3, 4]}])
    again, other = copy(saved), copy(saved)
    for row in (again, other):
        row.pk, row._state = None, ModelState()
    other.text = "3"
    PreparedInsert(Prediction).add([again, other])
    assert saved.pk < again.pk < other.pk
    assert not again._state.adding
    assert Prediction.objects.get(pk=other.pk).text == "3"
    stored = Prediction.objects.get(pk=again.pk)
    for field in Prediction._meta.concrete_fields:
        if not field.primary_key:
            assert getattr(stored, field.attname) == getattr(saved, field.attname) == getattr(again, field.attname)

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from recognizer.identity import Identity
from recognizer.models import NUMBER, Correction, ModelVersion, Prediction, Promotion
from tests.factories import grant

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


def test_the_newest_promotion_names_the_serving_version(version: ModelVersion, user: Any) -> None:
    newer = ModelVersion.objects.create(name="newer", litert_sha256="b")
    newer.promote(by=user)
    assert ModelVersion.objects.serving() == newer
    version.promote()
    assert ModelVersion.objects.serving() == version
    assert {v.name for v in ModelVersion.objects.with_serving().filter(serves=True)} == {version.name}
    assert Promotion.objects.filter(promoted_by=user).count() == 1


def test_without_a_promotion_nothing_serves() -> None:
    Promotion.objects.all().delete()
    ModelVersion.objects.create(name="idle", litert_sha256="b")
    assert ModelVersion.objects.serving() is None
    assert not ModelVersion.objects.with_serving().filter(serves=True).exists()


def test_a_version_that_read_something_cannot_be_deleted(make_prediction: Make) -> None:
    with pytest.raises(ProtectedError):
        make_prediction().model_version.delete()


@pytest.mark.parametrize("both", [True, False])
def test_a_prediction_has_exactly_one_owner(make_prediction: Make, user: Any, both: bool) -> None:
    prediction = make_prediction(owner=user)
    owners = {"visitor": uuid.uuid4()} if both else {"owner": None}
    with pytest.raises(IntegrityError), transaction.atomic():
        Prediction.objects.filter(pk=prediction.pk).update(**owners)


def test_the_newest_prediction_comes_first(make_prediction: Make) -> None:
    made = [make_prediction() for _ in range(3)]
    assert list(Prediction.objects.all()) == made[::-1]


def test_images_lie_under_names_that_tell_nothing(make_prediction: Make) -> None:
    first, second = make_prediction(), make_prediction()
    day = f"predictions/{first.created_at:%Y/%m/%d}/"
    assert first.image.name.startswith(day)
    assert first.image.name != second.image.name
    assert str(first.visitor) not in first.image.name


def test_everybody_sees_their_own_and_staff_what_they_may(make_prediction: Make, user: Any, staff: Any) -> None:
    visitor = uuid.uuid4()
    of_visitor, of_user = make_prediction(visitor=visitor), make_prediction(owner=user)
    visible = Prediction.objects.visible_to
    assert list(visible(Identity(visitor=visitor))) == [of_visitor]
    assert list(visible(Identity(user=user))) == [of_user]
    assert list(visible(Identity(user=staff))) == []
    staff = grant(staff, "view_prediction")
    assert list(visible(Identity(user=staff))) == [of_user, of_visitor]
    assert list(visible(Identity(user=staff, own_only=True))) == []
    assert list(visible(Identity(visitor=uuid.uuid4()))) == []
    assert list(visible(None)) == []
    assert list(Prediction.objects.of(Identity(user=staff))) == []


def test_a_claimed_history_moves_to_the_user(make_prediction: Make, user: Any) -> None:
    visitor = uuid.uuid4()
    mine, theirs = make_prediction(visitor=visitor), make_prediction()
    assert Prediction.objects.claim(visitor, user) == 1
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.owner, mine.visitor) == (user, None)
    assert theirs.owner is None


def test_predictions_of_an_account_die_with_it(make_prediction: Make, user: Any) -> None:
    make_prediction(owner=user)
    kept = make_prediction()
    user.delete()
    assert list(Prediction.objects.all()) == [kept]


@pytest.mark.parametrize("text", ["0", "42", "1\n2", "007\n15\n3"])
def test_numbers_in_lines_are_numbers(text: str) -> None:
    NUMBER(text)


@pytest.mark.parametrize("text", ["", "x", "-1", "1 2", "1\n", "\n1", "1\n\n2", "٧", "7\x00", "1.5"])
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(ValidationError):
        NUMBER(text)


def test_one_claim_at_a_time_waits_for_a_review(make_prediction: Make) -> None:
    prediction = make_prediction()
    prediction.flag("7")
    with pytest.raises(IntegrityError), transaction.atomic():
        prediction.corrections.create(text="8")


def test_a_new_claim_leaves_reviewed_ones_as_history(make_prediction: Make, staff: Any) -> None:
    prediction = make_prediction()
    prediction.flag("7").reject(by=staff)
    prediction.flag("8")
    prediction.flag("9")
    states = [(claim.text, claim.state) for claim in prediction.corrections.order_by("id")]
    assert states == [("7", "rejected"), ("9", "pending")]
    assert prediction.correction is not None
    assert prediction.correction.text == "9"


def test_a_review_says_who_and_when(make_prediction: Make, staff: Any) -> None:
    claim = make_prediction().flag("7")
    assert claim.approve(by=staff)
    claim.refresh_from_db()
    assert (claim.state, claim.reviewed_by) == ("approved", staff)
    assert claim.reviewed_at is not None


def test_a_reviewed_claim_is_not_reviewed_again(make_prediction: Make, staff: Any, superuser: Any) -> None:
    claim = make_prediction().flag("7")
    same = Correction.objects.get(pk=claim.pk)
    assert claim.approve(by=staff)
    assert not same.reject(by=superuser)
    claim.refresh_from_db()
    assert (claim.state, claim.reviewed_by) == ("approved", staff)


def test_replaced_correction_cannot_be_approved(make_prediction: Make, staff: Any) -> None:
    prediction = make_prediction()
    on_screen = prediction.flag("7")
    prediction.flag("666")
    assert not on_screen.approve(by=staff)
    assert [claim.state for claim in Correction.objects.all()] == ["pending"]


def test_a_claim_outlives_the_account_that_made_it(make_prediction: Make, other_user: Any) -> None:
    claim = make_prediction().flag("7", by=other_user)
    other_user.delete()
    claim.refresh_from_db()
    assert claim.flagged_by is None

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from recognizer.identity import Identity
from recognizer.models import FILES_A_FOLDER, NUMBER, Correction, ModelVersion, Prediction, Promotion, image_files
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


def test_no_promotion_means_no_current_version() -> None:
    Promotion.objects.all().delete()
    ModelVersion.objects.create(name="idle", litert_sha256="b")
    assert ModelVersion.objects.serving() is None
    assert not ModelVersion.objects.with_serving().filter(serves=True).exists()


def test_version_with_predictions_cannot_be_deleted(make_prediction: Make) -> None:
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


@pytest.mark.usefixtures("image_files")
def test_stored_image_names_are_random(make_prediction: Make) -> None:
    first, second = make_prediction(), make_prediction()
    day = f"predictions/{first.created_at:%Y/%m/%d}/"
    assert first.image.name.startswith(day)
    assert first.image.name != second.image.name
    assert str(first.visitor) not in first.image.name


def test_predictions_are_visible_to_owner_and_permitted_staff(make_prediction: Make, user: Any, staff: Any) -> None:
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


def test_visitor_history_moves_to_the_user(make_prediction: Make, user: Any) -> None:
    visitor = uuid.uuid4()
    mine, theirs = make_prediction(visitor=visitor), make_prediction()
    assert Prediction.objects.move(visitor, user) == 1
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.owner, mine.visitor) == (user, None)
    assert theirs.owner is None


def test_predictions_are_deleted_with_their_account(make_prediction: Make, user: Any) -> None:
    make_prediction(owner=user)
    kept = make_prediction()
    user.delete()
    assert list(Prediction.objects.all()) == [kept]


@pytest.mark.parametrize("text", ["0", "42", "1\n2", "007\n15\n3"])
def test_number_with_several_lines_is_valid(text: str) -> None:
    NUMBER(text)


@pytest.mark.parametrize("text", ["", "x", "-1", "1 2", "1\n", "\n1", "1\n\n2", "٧", "7\x00", "1.5"])
def test_non_digits_are_refused_as_a_number(text: str) -> None:
    with pytest.raises(ValidationError):
        NUMBER(text)


def test_only_one_correction_per_prediction_is_pending(make_prediction: Make) -> None:
    prediction = make_prediction()
    prediction.flag("7")
    with pytest.raises(IntegrityError), transaction.atomic():
        prediction.corrections.create(text="8")


def test_new_correction_keeps_reviewed_ones(make_prediction: Make, staff: Any) -> None:
    prediction = make_prediction()
    prediction.flag("7").reject(by=staff)
    prediction.flag("8")
    prediction.flag("9")
    states = [(correction.text, correction.state) for correction in prediction.corrections.order_by("id")]
    assert states == [("7", "rejected"), ("9", "pending")]
    assert prediction.correction is not None
    assert prediction.correction.text == "9"


def test_approval_stores_reviewer_and_time(make_prediction: Make, staff: Any) -> None:
    correction = make_prediction().flag("7")
    assert correction.approve(by=staff)
    correction.refresh_from_db()
    assert (correction.state, correction.reviewed_by) == ("approved", staff)
    assert correction.reviewed_at is not None


def test_reviewed_correction_cannot_be_reviewed_again(make_prediction: Make, staff: Any, superuser: Any) -> None:
    correction = make_prediction().flag("7")
    same = Correction.objects.get(pk=correction.pk)
    assert correction.approve(by=staff)
    assert not same.reject(by=superuser)
    correction.refresh_from_db()
    assert (correction.state, correction.reviewed_by) == ("approved", staff)


def test_replaced_correction_cannot_be_approved(make_prediction: Make, staff: Any) -> None:
    prediction = make_prediction()
    on_screen = prediction.flag("7")
    prediction.flag("666")
    assert not on_screen.approve(by=staff)
    assert [correction.state for correction in Correction.objects.all()] == ["pending"]


def test_correction_remains_after_its_account_is_deleted(make_prediction: Make, other_user: Any) -> None:
    correction = make_prediction().flag("7", by=other_user)
    other_user.delete()
    correction.refresh_from_db()
    assert correction.flagged_by is None


def test_images_of_a_process_share_few_folders() -> None:
    names = [image_files(["page.png"])[0] for _ in range(3 * FILES_A_FOLDER)]
    assert len(set(names)) == len(names)
    assert len({name.rpartition("/")[0] for name in names}) <= 4

"""Reviewers label uncorrected readings, the least sure first, and a random sample."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from recognizer.models import Correction, ModelVersion, Prediction, Sample
from tests.factories import grant, user_client
from training.dashboard import sample_records
from training.retraining.snapshots import candidates

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


def reviewer_named(name: str) -> User:
    reviewer = User.objects.create_user(name, password="a long pass phrase", is_staff=True)
    return grant(reviewer, "review_corrections", "view_prediction")


@pytest.fixture
def reviewer(db: None) -> User:
    return reviewer_named("rosa")


@pytest.fixture
def browser(reviewer: User) -> Client:
    return user_client(reviewer)


def unsure(make_prediction: Make, confidence: float = 0.3, text: str = "42", **facts: Any) -> Prediction:
    prediction = make_prediction(text, **facts)
    prediction.confidence = confidence
    prediction.save()
    return prediction


def shown(client: Client, queue: str, after: str = "") -> str:
    response = client.get(f"/review/{queue}/", {"after": after})
    assert response.status_code == 200
    return response.content.decode()


def label(client: Client, prediction: Prediction, queue: str = "unsure", **data: str) -> str:
    sent = {"queue": queue} | data
    response = client.post(f"/review/label/{prediction.pk}/", sent, headers={"X-Fragment": "label"})
    assert response.status_code == 200
    return response.content.decode()


def test_the_least_sure_uncorrected_reading_comes_first(browser: Client, make_prediction: Make) -> None:
    second, first = unsure(make_prediction, 0.3), unsure(make_prediction, 0.2)
    unsure(make_prediction, 0.1).flag("7")
    unsure(make_prediction, 0.999)
    unsure(make_prediction, 0.05, source="import")
    page = shown(browser, "unsure")
    assert f"/review/label/{first.pk}/" in page
    assert f"/review/label/{second.pk}/" in label(browser, first, text="42")
    assert "You skipped the rest" in shown(browser, "unsure", f"{second.pk}~0.3")
    assert "No unsure readings" in label(browser, second, text="47")


def test_confirmed_and_corrected_readings_are_trained_on(
    browser: Client, reviewer: User, make_prediction: Make
) -> None:
    right, wrong = unsure(make_prediction), unsure(make_prediction)
    label(browser, right, text="42")
    label(browser, wrong, text="47")
    known = {correction.prediction_id: correction for correction in Correction.objects.labels()}
    assert (known[right.pk].state, known[right.pk].text) == ("confirmed", "42")
    assert (known[wrong.pk].state, known[wrong.pk].reviewed_by) == ("approved", reviewer)
    assert {candidate.correction for candidate in candidates()} == set(known.values())


def test_label_can_be_undone(browser: Client, make_prediction: Make) -> None:
    prediction = unsure(make_prediction)
    for text in ("42", "47"):
        assert "Undo" in label(browser, prediction, text=text)
        assert f"/review/label/{prediction.pk}/" in label(browser, prediction, undo="1")
        assert not Correction.objects.exists()


def test_label_of_another_reviewer_cannot_be_undone(browser: Client, make_prediction: Make) -> None:
    prediction = unsure(make_prediction)
    label(browser, prediction, text="47")
    assert "Another reviewer has decided" in label(user_client(reviewer_named("otto")), prediction, undo="1")
    assert Correction.objects.count() == 1


def test_reviewers_own_picture_needs_another_reviewer(browser: Client, reviewer: User, make_prediction: Make) -> None:
    mine = unsure(make_prediction, owner=reviewer)
    assert f"/review/label/{mine.pk}/" in shown(browser, "unsure")
    other = user_client(reviewer_named("otto"))
    assert f"/review/label/{mine.pk}/" not in shown(browser, "unsure")
    assert f"/review/label/{mine.pk}/" in shown(other, "unsure")
    assert "Another reviewer must decide" in label(browser, mine, text="47")
    assert not Correction.objects.exists()


def test_label_decides_a_pending_correction(browser: Client, make_prediction: Make) -> None:
    same, another = make_prediction().flag("47"), make_prediction().flag("47")
    label(browser, same.prediction, text="47")
    label(browser, another.prediction, text="41")
    states = dict(Correction.objects.values_list("text", "state").exclude(pk=same.pk))
    assert Correction.objects.get(pk=same.pk).state == "approved"
    assert states == {"47": "rejected", "41": "approved"}


def test_invalid_number_labels_nothing(browser: Client, make_prediction: Make) -> None:
    assert "Write digits only." in label(browser, unsure(make_prediction), text="4a")
    assert not Correction.objects.exists()


def test_sample_is_drawn_from_all_sent_predictions(browser: Client, make_prediction: Make) -> None:
    sent = {make_prediction().pk for _ in range(3)} | {unsure(make_prediction).flag("7").prediction_id}
    make_prediction(source="import")
    assert browser.post("/review/sample/draw/")["Location"] == "/review/sample/"
    assert set(Sample.objects.values_list("prediction", flat=True)) == sent
    assert Sample.objects.draw(5) == 0


def test_every_prediction_is_as_likely_to_be_drawn(make_prediction: Make) -> None:
    made = [make_prediction() for _ in range(12)]
    # Ids after a gap must not be likelier.
    kept = [prediction.pk for number, prediction in enumerate(made) if number in (0, 1, 6, 11)]
    Prediction.objects.exclude(pk__in=kept).delete()
    drawn: Counter[int | None] = Counter()
    for _ in range(200):
        Sample.objects.draw(1)
        drawn[Sample.objects.get().prediction_id] += 1
        Sample.objects.all().delete()
    assert set(drawn) == set(kept)
    # 50 each, with a standard deviation of 6.1: further off once in ten thousand million.
    assert all(10 < count < 95 for count in drawn.values())


def test_sample_is_labelled_in_drawing_order(browser: Client, make_prediction: Make) -> None:
    for _ in range(3):
        make_prediction()
    Sample.objects.draw(3)
    first, second, third = Sample.objects.order_by("pk")
    assert f"/review/label/{first.prediction_id}/" in shown(browser, "sample")
    assert f"/review/label/{third.prediction_id}/" in shown(browser, "sample", str(second.pk))
    page = label(browser, first.prediction, "sample", text="42")
    assert "1 of 3 labelled" in page
    assert f"/review/label/{second.prediction_id}/" in page
    label(browser, first.prediction, "sample", undo="1")
    first.refresh_from_db()
    assert (first.right, first.answer, first.answered_at) == (None, None, None)


def test_sample_measures_versions_after_deletions(
    browser: Client, version: ModelVersion, make_prediction: Make
) -> None:
    made = [make_prediction() for _ in range(10)]
    Sample.objects.draw(10)
    for number, prediction in enumerate(made[:8]):
        label(browser, prediction, "sample", text="42" if number else "47")
    made[0].delete()
    (record,) = sample_records()
    assert (record.name, record.drawn, record.looked_at, record.right) == (version.name, 10, 8, 7)
    # As scipy.stats.binomtest(7, 8).proportion_ci(method="wilson") has it.
    assert (record.low, record.high) == pytest.approx((0.529112, 0.977583), abs=1e-6)


def test_sample_counts_a_sure_mistake_after_two_reviews(browser: Client, make_prediction: Make) -> None:
    prediction = unsure(make_prediction, 0.999)
    Sample.objects.draw(1)
    assert "a second reviewer must agree" in label(browser, prediction, "sample", text="47")
    assert sample_records() == []
    otto = reviewer_named("otto")
    Correction.objects.get().approve(by=otto)
    assert [record.right for record in sample_records()] == [0]
    correction = Correction.objects.get()
    correction.state = Correction.State.REJECTED
    correction.save()
    assert [record.right for record in sample_records()] == [1]

"""Confirmed readings and withdrawn corrections."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from recognizer.models import Correction, Prediction
from tests.factories import post_json, user_client, visitor_client

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine(user: User) -> Client:
    return user_client(user)


def test_the_same_text_confirms_a_reading(mine: Client, user: User, make_prediction: Make) -> None:
    own = make_prediction("4\n2", owner=user)
    answer = post_json(mine, f"/api/v1/predictions/{own.pk}/flag/", {"text": "4 2"})
    assert (answer.status_code, answer.json()["state"]) == (201, "confirmed")
    assert not Correction.objects.pending().exists()
    assert mine.get(f"/api/v1/predictions/{own.pk}/").json()["correction"]["state"] == "confirmed"


def test_a_confirmed_reading_is_not_flagged(user: User, make_prediction: Make) -> None:
    make_prediction("42", owner=user).flag("42")
    wrong = make_prediction("42", owner=user)
    wrong.flag("47")
    assert list(Prediction.objects.flagged()) == [wrong]
    assert Prediction.objects.flagged(False).count() == 1


def test_send_unchanged_says_that_it_was_right(mine: Client, user: User, make_prediction: Make) -> None:
    own = make_prediction("42", owner=user)
    page = mine.post(f"/predictions/{own.pk}/flag/", {"text": "42"}, follow=True).content.decode()
    assert "The reading was right." in page
    assert "A reviewer will look at it" not in page


def test_later_correction_replaces_a_confirmation(make_prediction: Make) -> None:
    own = make_prediction("42")
    own.flag("42")
    own.flag("47")
    assert [(correction.text, correction.state) for correction in own.corrections.all()] == [("47", "pending")]


def test_approved_correction_needs_a_review_to_change(make_prediction: Make, superuser: User) -> None:
    own = make_prediction("42")
    own.flag("47").approve(by=superuser)
    assert own.flag("42").state == "pending"


def test_pending_correction_is_withdrawn(mine: Client, user: User, make_prediction: Make) -> None:
    own = make_prediction(owner=user)
    own.flag("7", by=user)
    path = f"/api/v1/predictions/{own.pk}/flag/"
    assert mine.delete(path).status_code == 204
    assert mine.get(f"/api/v1/predictions/{own.pk}/").json()["correction"] is None
    assert (mine.delete(path).status_code, mine.delete(path).json()["code"]) == (404, "not_found")


def test_reviewed_correction_cannot_be_withdrawn(
    mine: Client, user: User, superuser: User, make_prediction: Make
) -> None:
    own = make_prediction(owner=user)
    own.flag("7", by=user).approve(by=superuser)
    assert mine.delete(f"/api/v1/predictions/{own.pk}/flag/").status_code == 404
    answer = mine.post(f"/predictions/{own.pk}/withdraw/", follow=True)
    assert "no correction to withdraw" in answer.content.decode()
    assert own.corrections.get().state == "approved"


def test_a_visitor_withdraws_on_the_page(make_prediction: Make) -> None:
    own = make_prediction(visitor=uuid.uuid4())
    own.flag("7")
    assert own.visitor is not None
    browser = visitor_client(own.visitor)
    assert "Withdraw" in browser.get(f"/predictions/{own.pk}/").content.decode()
    assert "Correction withdrawn." in browser.post(f"/predictions/{own.pk}/withdraw/", follow=True).content.decode()
    assert not own.corrections.exists()


def test_an_owner_cannot_withdraw_anothers_claim(mine: Client, user: User, staff: User, make_prediction: Make) -> None:
    own = make_prediction(owner=user)
    own.flag("7", by=staff)
    assert mine.delete(f"/api/v1/predictions/{own.pk}/flag/").status_code == 403
    page = mine.get(f"/predictions/{own.pk}/").content.decode()
    assert "Somebody else said" in page
    assert "Withdraw" not in page


@pytest.mark.parametrize(("by", "words"), [("ada", "ada said"), (None, "A visitor said")])
def test_staff_see_who_made_a_correction(
    superuser: User, user: User, make_prediction: Make, by: Any, words: str
) -> None:
    theirs = make_prediction(owner=user) if by else make_prediction()
    theirs.flag("7", by=user if by else None)
    page = user_client(superuser).get(f"/predictions/{theirs.pk}/").content.decode()
    assert words in page
    assert "You said" not in page

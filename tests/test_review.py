import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from recognizer.models import Correction, Prediction
from tests.conftest import user_client

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


def reviewer_named(name: str) -> User:
    reviewer = User.objects.create_user(name, password="a long pass phrase")
    reviewer.user_permissions.add(Permission.objects.get(codename="review_corrections"))
    return reviewer


@pytest.fixture
def reviewer(db: None) -> User:
    return reviewer_named("rosa")


@pytest.fixture
def browser(reviewer: User) -> Client:
    return user_client(reviewer)


def decide(client: Client, claim: Correction, decision: str, **data: Any) -> str:
    response = client.post(f"/review/{claim.pk}/", {"decision": decision} | data, headers={"X-Fragment": "claim"})
    assert response.status_code == 200
    return response.content.decode()


def state_of(claim: Correction) -> str:
    claim.refresh_from_db()
    return claim.state


def test_the_oldest_claim_is_shown_with_picture_reading_and_claim(browser: Client, make_prediction: Make) -> None:
    first, second = make_prediction("42").flag("47"), make_prediction("13").flag("18")
    shown = browser.get("/review/").content.decode()
    assert f"/review/{first.pk}/image/" in shown
    assert "2 wait for a word" in shown
    assert ">42 " in shown
    assert ">47<" in shown
    assert f"/review/{second.pk}/" not in shown


def test_a_decision_brings_the_next_claim_without_the_page_around_it(
    browser: Client, reviewer: User, make_prediction: Make
) -> None:
    first, second = make_prediction().flag("47"), make_prediction().flag("18")
    fragment = decide(browser, first, "approve")
    assert "<html" not in fragment
    assert "Approved: 47." in fragment
    assert f"/review/{second.pk}/" in fragment
    assert state_of(first) == "approved"
    assert first.reviewed_by == reviewer
    assert "Rejected: 18." in decide(browser, second, "reject")
    assert state_of(second) == "rejected"


def test_without_scripts_a_decision_leads_back_to_the_queue(browser: Client, make_prediction: Make) -> None:
    claim = make_prediction().flag("47")
    response = browser.post(f"/review/{claim.pk}/", {"decision": "approve"}, follow=True)
    assert response.redirect_chain == [("/review/", 302)]
    assert "Nothing waits for you" in response.content.decode()


def test_the_last_decision_can_be_taken_back_by_whoever_made_it(browser: Client, make_prediction: Make) -> None:
    claim = make_prediction().flag("47")
    assert f'action="/review/{claim.pk}/"' in decide(browser, claim, "reject")
    other = user_client(reviewer_named("otto"))
    assert "had been decided" in decide(other, claim, "undo")
    assert state_of(claim) == "rejected"
    assert "Taken back: 47." in decide(browser, claim, "undo")
    assert state_of(claim) == "pending"
    assert claim.reviewed_by is None


def test_a_decision_is_not_taken_back_over_a_newer_claim(browser: Client, make_prediction: Make) -> None:
    prediction = make_prediction()
    claim = prediction.flag("47")
    decide(browser, claim, "reject")
    prediction.flag("41")
    assert "had been decided" in decide(browser, claim, "undo")
    assert state_of(claim) == "rejected"


def test_a_claim_against_a_very_sure_network_needs_two_reviewers(
    browser: Client, reviewer: User, make_prediction: Make
) -> None:
    claim = make_prediction().flag("47")
    Prediction.objects.update(confidence=0.999)
    assert "another reviewer must too" in decide(browser, claim, "approve")
    assert state_of(claim) == "pending"
    assert claim.first_reviewer == reviewer
    assert "had been decided" in decide(browser, claim, "approve")
    assert state_of(claim) == "pending"
    second = reviewer_named("otto")
    assert "Yours is the second word" in user_client(second).get("/review/").content.decode()
    decide(user_client(second), claim, "approve")
    assert state_of(claim) == "approved"
    assert claim.reviewed_by == second


def test_the_first_of_two_words_can_be_taken_back(browser: Client, make_prediction: Make) -> None:
    claim = make_prediction().flag("47")
    Prediction.objects.update(confidence=0.999)
    decide(browser, claim, "approve")
    decide(browser, claim, "undo")
    claim.refresh_from_db()
    assert claim.first_reviewer is None


def test_a_superuser_decides_alone(superuser: User, make_prediction: Make) -> None:
    claim = make_prediction().flag("47")
    Prediction.objects.update(confidence=0.999)
    decide(user_client(superuser), Correction.objects.get(), "approve")
    assert state_of(claim) == "approved"


def test_a_claim_that_agrees_with_a_sure_network_needs_one_reviewer(browser: Client, make_prediction: Make) -> None:
    claim = make_prediction("42").flag("42")
    Prediction.objects.update(confidence=0.999)
    decide(browser, claim, "approve")
    assert state_of(claim) == "approved"


@pytest.mark.parametrize(
    ("read", "claim", "labels"),
    [("42", "47", [4, 7]), ("42", "", [10, 10]), ("42", "421", None), ("1\n2", "13", [1, 3])],
)
def test_a_claim_as_long_as_the_number_of_boxes_teaches_each(
    make_prediction: Make, read: str, claim: str, labels: list[int] | None
) -> None:
    assert make_prediction(read).flag(claim).box_labels == labels


def test_a_reviewer_fixes_the_labels_of_boxes_one_by_one(browser: Client, make_prediction: Make) -> None:
    claim = make_prediction("42").flag("421")
    decide(browser, claim, "approve", label=["4", "x"])
    claim.refresh_from_db()
    assert (claim.text, claim.labels, claim.box_labels) == ("421", [4, 10], [4, 10])


def test_taking_a_word_back_takes_its_labels_back(browser: Client, make_prediction: Make) -> None:
    claim = make_prediction("42").flag("421")
    decide(browser, claim, "approve", label=["4", "x"])
    decide(browser, claim, "undo")
    claim.refresh_from_db()
    assert (claim.state, claim.labels) == ("pending", None)


def test_the_second_word_taken_back_leaves_the_labels_of_the_first(browser: Client, make_prediction: Make) -> None:
    claim = make_prediction("42").flag("421")
    Prediction.objects.update(confidence=0.999)
    decide(browser, claim, "approve", label=["4", "x"])
    other = user_client(reviewer_named("otto"))
    decide(other, claim, "approve")
    decide(other, claim, "undo")
    claim.refresh_from_db()
    assert (claim.state, claim.labels, claim.first_reviewer.username) == ("pending", [4, 10], "rosa")


@pytest.mark.parametrize("fields", [["4", "7"], ["4"], ["4", "no"], ["4", "77"], []])
def test_labels_left_as_claimed_or_nonsense_fix_nothing(
    browser: Client, make_prediction: Make, fields: list[str]
) -> None:
    claim = make_prediction("42").flag("47")
    decide(browser, claim, "approve", label=fields)
    claim.refresh_from_db()
    assert (claim.state, claim.labels) == ("approved", None)


def test_boxes_left_as_read_under_a_claim_of_another_length_teach_nothing(
    browser: Client, make_prediction: Make
) -> None:
    claim = make_prediction("42").flag("421")
    decide(browser, claim, "approve", label=["4", "2"])
    claim.refresh_from_db()
    assert claim.box_labels is None


def test_the_flaggers_record_is_shown(browser: Client, make_prediction: Make, user: User, staff: User) -> None:
    visitor = uuid.uuid4()
    for text, right in (("1", True), ("2", True), ("3", False)):
        old = make_prediction(visitor=visitor).flag(text)
        old.approve(by=staff) if right else old.reject(by=staff)
    make_prediction().flag("9").reject(by=staff)
    make_prediction(visitor=visitor).flag("4")
    assert "a visitor, right 2 times and wrong 1 before" in browser.get("/review/").content.decode()
    Correction.objects.pending().delete()
    make_prediction(owner=user).flag("4", by=user)
    assert "ada, of whom no claim was decided before" in browser.get("/review/").content.decode()


def test_a_claim_can_be_put_off(browser: Client, make_prediction: Make) -> None:
    first, second = make_prediction().flag("47"), make_prediction().flag("18")
    assert f"/review/{second.pk}/" in browser.get(f"/review/?after={first.pk}").content.decode()
    assert "put off for later" in browser.get(f"/review/?after={second.pk}").content.decode()
    assert f"/review/{first.pk}/" in browser.get("/review/?after=nonsense").content.decode()


def test_a_decision_must_be_one(browser: Client, make_prediction: Make) -> None:
    claim = make_prediction().flag("47")
    assert browser.post(f"/review/{claim.pk}/", {"decision": "maybe"}).status_code == 400
    assert browser.post(f"/review/{claim.pk + 1}/", {"decision": "approve"}).status_code == 404


def test_the_permission_is_apart_from_staff(staff: User, make_prediction: Make) -> None:
    claim = make_prediction().flag("47")
    client = user_client(staff)
    assert client.get("/review/").status_code == 403
    assert client.post(f"/review/{claim.pk}/", {"decision": "approve"}).status_code == 403
    assert state_of(claim) == "pending"


def test_a_mistake_is_flagged_from_the_history_and_the_history_comes_back(
    client: Client, make_prediction: Make
) -> None:
    from tests.conftest import visitor_client

    mine = make_prediction()
    browser = visitor_client(mine.visitor)
    path = "/history/?source=api"
    assert f'action="/predictions/{mine.pk}/flag/"' in browser.get(path).content.decode()
    response = browser.post(f"/predictions/{mine.pk}/flag/", {"text": "47", "next": path})
    assert response["Location"] == path
    assert mine.corrections.get().text == "47"
    elsewhere = browser.post(f"/predictions/{mine.pk}/flag/", {"text": "48", "next": "//evil.example/"})
    assert elsewhere["Location"] == f"/predictions/{mine.pk}/"


def test_nobody_calls_a_picture_imported_who_sends_it(client: Client, reader: Any, picture: bytes) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    data = {"image": SimpleUploadedFile("a.png", picture), "source": "import"}
    assert client.post("/api/v1/predictions/", data).status_code == 400

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client

from recognizer.labels import Label, imported_correction
from recognizer.models import Correction, Prediction
from tests.factories import user_client, visitor_client

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


def decide(client: Client, correction: Correction, decision: str, **data: Any) -> str:
    response = client.post(
        f"/review/{correction.pk}/", {"decision": decision} | data, headers={"X-Fragment": "correction"}
    )
    assert response.status_code == 200
    return response.content.decode()


def state_of(correction: Correction) -> str:
    correction.refresh_from_db()
    return correction.state


def test_oldest_correction_is_shown_with_its_picture(browser: Client, make_prediction: Make) -> None:
    first, second = make_prediction("42").flag("47"), make_prediction("13").flag("18")
    shown = browser.get("/review/").content.decode()
    assert f"/review/{first.pk}/image/" in shown
    assert "2 corrections to review" in shown
    assert ">42 " in shown
    assert ">47<" in shown
    assert f"/review/{second.pk}/" not in shown


def test_decision_returns_the_next_correction_as_a_fragment(
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


def test_decision_without_scripts_returns_to_the_queue(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction().flag("47")
    response = browser.post(f"/review/{correction.pk}/", {"decision": "approve"}, follow=True)
    assert response.redirect_chain == [("/review/", 302)]
    assert "No corrections to review" in response.content.decode()


def test_last_decision_can_be_undone_by_its_reviewer(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction().flag("47")
    assert f'action="/review/{correction.pk}/"' in decide(browser, correction, "reject")
    other = user_client(reviewer_named("otto"))
    assert "already decided" in decide(other, correction, "undo")
    assert state_of(correction) == "rejected"
    assert "Undone: 47." in decide(browser, correction, "undo")
    assert state_of(correction) == "pending"
    assert correction.reviewed_by is None


def test_decision_with_a_newer_correction_cannot_be_undone(browser: Client, make_prediction: Make) -> None:
    prediction = make_prediction()
    correction = prediction.flag("47")
    decide(browser, correction, "reject")
    prediction.flag("41")
    assert "already decided" in decide(browser, correction, "undo")
    assert state_of(correction) == "rejected"


def test_correcting_a_very_sure_reading_needs_two_reviewers(
    browser: Client, reviewer: User, make_prediction: Make
) -> None:
    correction = make_prediction().flag("47")
    Prediction.objects.update(confidence=0.999)
    assert "a second reviewer must approve it too" in decide(browser, correction, "approve")
    assert state_of(correction) == "pending"
    assert correction.first_reviewer == reviewer
    assert "already decided" in decide(browser, correction, "approve")
    assert state_of(correction) == "pending"
    second = reviewer_named("otto")
    assert "Yours is the second decision" in user_client(second).get("/review/").content.decode()
    decide(user_client(second), correction, "approve")
    assert state_of(correction) == "approved"
    assert correction.reviewed_by == second


def test_first_of_two_approvals_can_be_undone(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction().flag("47")
    Prediction.objects.update(confidence=0.999)
    decide(browser, correction, "approve")
    decide(browser, correction, "undo")
    correction.refresh_from_db()
    assert correction.first_reviewer is None


def test_superuser_approval_needs_no_second_reviewer(superuser: User, make_prediction: Make) -> None:
    correction = make_prediction().flag("47")
    Prediction.objects.update(confidence=0.999)
    decide(user_client(superuser), Correction.objects.get(), "approve")
    assert state_of(correction) == "approved"


def test_correction_agreeing_with_a_sure_network_needs_one(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction("42").corrections.create(text="42")
    Prediction.objects.update(confidence=0.999)
    decide(browser, correction, "approve")
    assert state_of(correction) == "approved"


@pytest.mark.parametrize(
    ("read", "correction", "labels"),
    [("42", "47", [4, 7]), ("42", "", [10, 10]), ("42", "421", None), ("1\n2", "13", [1, 3])],
)
def test_correction_with_a_digit_per_box_labels_each_box(
    make_prediction: Make, read: str, correction: str, labels: list[int] | None
) -> None:
    assert make_prediction(read).flag(correction).box_labels == labels


def test_reviewer_labels_boxes_one_by_one(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction("42").flag("421")
    decide(browser, correction, "approve", label=["4", "x"])
    correction.refresh_from_db()
    assert (correction.text, correction.labels, correction.box_labels) == ("421", [4, 10], [4, 10])


def test_undoing_a_decision_removes_its_labels(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction("42").flag("421")
    decide(browser, correction, "approve", label=["4", "x"])
    decide(browser, correction, "undo")
    correction.refresh_from_db()
    assert (correction.state, correction.labels) == ("pending", None)


def test_undoing_the_second_review_keeps_the_first_labels(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction("42").flag("421")
    Prediction.objects.update(confidence=0.999)
    decide(browser, correction, "approve", label=["4", "x"])
    other = user_client(reviewer_named("otto"))
    decide(other, correction, "approve")
    decide(other, correction, "undo")
    correction.refresh_from_db()
    assert (correction.state, correction.labels, correction.first_reviewer.username) == ("pending", [4, 10], "rosa")


@pytest.mark.parametrize("fields", [["4", "7"], ["4"], ["4", "no"], ["4", "77"], []])
def test_unchanged_or_invalid_box_labels_are_ignored(browser: Client, make_prediction: Make, fields: list[str]) -> None:
    correction = make_prediction("42").flag("47")
    decide(browser, correction, "approve", label=fields)
    correction.refresh_from_db()
    assert (correction.state, correction.labels) == ("approved", None)


def test_unlabelled_boxes_of_another_length_train_nothing(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction("42").flag("421")
    decide(browser, correction, "approve", label=["4", "2"])
    correction.refresh_from_db()
    assert correction.box_labels is None


def test_correctors_record_is_shown(browser: Client, make_prediction: Make, user: User, staff: User) -> None:
    visitor = uuid.uuid4()
    for text, right in (("1", True), ("2", True), ("3", False)):
        old = make_prediction(visitor=visitor).flag(text)
        old.approve(by=staff) if right else old.reject(by=staff)
    make_prediction().flag("9").reject(by=staff)
    make_prediction(visitor=visitor).flag("4")
    assert "a visitor (2 of 3 earlier corrections approved)" in browser.get("/review/").content.decode()
    Correction.objects.pending().delete()
    make_prediction(owner=user).flag("4", by=user)
    assert "ada (first correction)" in browser.get("/review/").content.decode()


OWN = pytest.mark.parametrize("own", ["claim", "picture", "both"])


def own_correction(make_prediction: Make, reviewer: User, own: str) -> Correction:
    made = make_prediction("42", **({} if own == "claim" else {"owner": reviewer}))
    return made.corrections.create(text="47", flagged_by=None if own == "picture" else reviewer)


@OWN
def test_own_correction_needs_another_reviewer(
    browser: Client, reviewer: User, make_prediction: Make, own: str
) -> None:
    correction = own_correction(make_prediction, reviewer, own)
    reviewer_named("otto")
    assert "No corrections to review" in browser.get("/review/").content.decode()
    assert "Another reviewer must decide" in decide(browser, correction, "approve")
    assert state_of(correction) == "pending"
    with pytest.raises(CommandError, match="another reviewer"):
        call_command("review", "--approve", correction.pk, "--user", "rosa")
    assert "Rejected" in decide(browser, correction, "reject")


@OWN
def test_only_reviewer_can_approve_their_own_correction(
    browser: Client, reviewer: User, make_prediction: Make, own: str
) -> None:
    correction = own_correction(make_prediction, reviewer, own)
    User.objects.create_superuser("away", is_active=False)
    assert f"/review/{correction.pk}/" in browser.get("/review/").content.decode()
    decide(browser, correction, "approve")
    assert state_of(correction) == "approved"


def test_superuser_counts_as_another_reviewer(
    browser: Client, reviewer: User, superuser: User, make_prediction: Make
) -> None:
    correction = own_correction(make_prediction, reviewer, "both")
    decide(browser, correction, "approve")
    assert state_of(correction) == "pending"
    decide(user_client(superuser), correction, "approve")
    assert state_of(correction) == "approved"


def test_reviewers_correction_of_others_picture_is_approved(make_prediction: Make, reviewer: User) -> None:
    correction = make_prediction("42").flag("47", by=reviewer)
    assert (state_of(correction), correction.reviewed_by) == ("approved", reviewer)


def test_label_against_a_sure_network_needs_a_second_reviewer(make_prediction: Make, reviewer: User) -> None:
    made = make_prediction("42")
    made.confidence = 0.999
    made.save()
    correction = made.flag("47", by=reviewer)
    assert (state_of(correction), correction.first_reviewer) == ("pending", reviewer)
    other = reviewer_named("otto")
    decide(user_client(other), correction, "approve")
    assert state_of(correction) == "approved"


@pytest.mark.parametrize("whose", ["the reviewer's", "flagged", "a user's label"])
def test_other_labels_wait_for_a_reviewer(make_prediction: Make, reviewer: User, user: User, whose: str) -> None:
    made = make_prediction("42", owner=reviewer if whose == "the reviewer's" else user)
    if whose == "flagged":
        made.flag("48", by=user)
    assert state_of(made.flag("47", by=user if whose == "a user's label" else reviewer)) == "pending"


def test_number_typed_by_a_reviewer_is_approved(browser: Client, reviewer: User, make_prediction: Make) -> None:
    correction = make_prediction("42").flag("47")
    assert "Approved: 41." in decide(browser, correction, "approve", text=" 41 ")
    assert state_of(correction) == "rejected"
    theirs = correction.prediction.corrections.first()
    assert (theirs.text, theirs.state, theirs.flagged_by, theirs.reviewed_by) == ("41", "approved", reviewer, reviewer)
    assert theirs.box_labels == [4, 1]
    assert "Undone: 41." in decide(browser, theirs, "undo")
    assert state_of(correction) == "pending"
    assert not Correction.objects.filter(pk=theirs.pk).exists()


def test_typed_number_stays_if_a_newer_correction_is_pending(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction("42").flag("47")
    decide(browser, correction, "approve", text="41")
    theirs = correction.prediction.corrections.first()
    correction.prediction.flag("48")
    assert "already decided" in decide(browser, theirs, "undo")
    assert (state_of(theirs), state_of(correction)) == ("approved", "rejected")


@pytest.mark.parametrize("text", ["4a", "x", "9" * 501])
def test_invalid_number_decides_nothing(browser: Client, make_prediction: Make, text: str) -> None:
    correction = make_prediction().flag("47")
    assert f"/review/{correction.pk}/" in decide(browser, correction, "approve", text=text)
    assert state_of(correction) == "pending"


def test_another_number_against_a_sure_network_needs_two(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction("42").flag("47")
    Prediction.objects.update(confidence=0.999)
    assert "a second reviewer must approve it too: no number." in decide(browser, correction, "approve", text="")
    theirs = Correction.objects.pending().get()
    assert state_of(correction) == "rejected"
    decide(user_client(reviewer_named("otto")), theirs, "approve", text="")
    assert state_of(theirs) == "approved"


@OWN
def test_reviewer_cannot_replace_their_own_correction(
    browser: Client, reviewer: User, make_prediction: Make, own: str
) -> None:
    correction = own_correction(make_prediction, reviewer, own)
    reviewer_named("otto")
    assert "Another reviewer must decide" in decide(browser, correction, "approve", text="41")
    assert (state_of(correction), Correction.objects.count()) == ("pending", 1)


def test_imported_label_is_not_a_reviewers_decision(
    browser: Client, reviewer: User, superuser: User, make_prediction: Make
) -> None:
    imported = make_prediction("42", owner=superuser, source="import").corrections.create(
        text="47", state="approved", flagged_by=reviewer, reviewed_by=reviewer, imported=True
    )
    assert "Undo" not in browser.get("/review/").content.decode()
    changed = imported.prediction.flag("41", by=reviewer)
    assert (changed.state, changed.reviewed_by) == ("approved", reviewer)


def test_imported_labels_are_not_a_correctors_record(browser: Client, user: User, make_prediction: Make) -> None:
    imported_correction(make_prediction(source="import"), Label("47"), user).save()
    make_prediction().flag("18", by=user)
    assert "first correction" in browser.get("/review/").content.decode()


def test_corrections_can_be_skipped(browser: Client, make_prediction: Make) -> None:
    first, second = make_prediction().flag("47"), make_prediction().flag("18")
    assert f"/review/{second.pk}/" in browser.get(f"/review/?after={first.pk}").content.decode()
    assert "You skipped the rest" in browser.get(f"/review/?after={second.pk}").content.decode()
    assert f"/review/{first.pk}/" in browser.get("/review/?after=nonsense").content.decode()


def test_unknown_decision_is_refused(browser: Client, make_prediction: Make) -> None:
    correction = make_prediction().flag("47")
    assert browser.post(f"/review/{correction.pk}/", {"decision": "maybe"}).status_code == 400
    assert browser.post(f"/review/{correction.pk + 1}/", {"decision": "approve"}).status_code == 404


def test_review_permission_does_not_need_staff(staff: User, make_prediction: Make) -> None:
    correction = make_prediction().flag("47")
    client = user_client(staff)
    assert client.get("/review/").status_code == 403
    assert client.post(f"/review/{correction.pk}/", {"decision": "approve"}).status_code == 403
    assert state_of(correction) == "pending"


def test_flagging_in_the_history_returns_to_the_history(client: Client, make_prediction: Make) -> None:

    mine = make_prediction()
    browser = visitor_client(mine.visitor)
    path = "/history/?source=api"
    assert f'action="/predictions/{mine.pk}/flag/"' in browser.get(path).content.decode()
    response = browser.post(f"/predictions/{mine.pk}/flag/", {"text": "47", "next": path})
    assert response["Location"] == path
    assert mine.corrections.get().text == "47"
    elsewhere = browser.post(f"/predictions/{mine.pk}/flag/", {"text": "48", "next": "//evil.example/"})
    assert elsewhere["Location"] == f"/predictions/{mine.pk}/"


def test_sent_picture_cannot_claim_to_be_imported(client: Client, reader: Any, picture: bytes) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    data = {"image": SimpleUploadedFile("a.png", picture), "source": "import"}
    assert client.post("/api/v1/predictions/", data).status_code == 400

"""The review command."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from recognizer.models import Correction, Prediction
from tests.recognizer.test_review import reviewer_named, state_of

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


def review(*arguments: Any) -> str:
    out = io.StringIO()
    call_command("review", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.fixture
def reviewer(db: None) -> User:
    return reviewer_named("rosa")


def test_pending_corrections_are_listed_with_pictures(make_prediction: Make, user: User, staff: User) -> None:
    make_prediction(owner=user).flag("41", by=user).approve(by=staff)
    first = make_prediction("42", owner=user).flag("47", by=user)
    second = make_prediction("13").flag("")
    shown, after, count = review().splitlines()
    assert f"{first.pk}  read 42 (81.0 %), corrected to 47  by ada (earlier: 1 approved, 0 rejected)" in shown
    assert f"/review/{first.pk}/image/" in shown
    assert "read 13 (81.0 %), corrected to no number  by a visitor" in after
    assert count == "2 corrections to review"
    told = [json.loads(line) for line in review("--json").splitlines()]
    assert [(correction["id"], correction["read"], correction["claim"]) for correction in told] == [
        (first.pk, "42", "47"),
        (second.pk, "13", ""),
    ]


def test_command_decides_by_number_and_undoes_the_last(make_prediction: Make, reviewer: User) -> None:
    corrections = [make_prediction().flag(text) for text in ("47", "41", "12")]
    numbers = [correction.pk for correction in corrections]
    said = review("--approve", *numbers[:2], "--reject", numbers[2], "--user", "rosa")
    assert said.splitlines()[0] == f"{numbers[0]} approved: 42 is 47"
    assert [state_of(correction) for correction in corrections] == ["approved", "approved", "rejected"]
    assert corrections[0].reviewed_by == reviewer
    assert review("--undo", "--user", "rosa") == f"{numbers[2]} undone: 42 is 12\n"
    assert state_of(corrections[2]) == "pending"


def test_boxes_are_labelled_one_by_one(make_prediction: Make, reviewer: User) -> None:
    correction = make_prediction("42").flag("421")
    with pytest.raises(CommandError, match="2 boxes: give a digit or x for each"):
        review("--approve", correction.pk, "--labels", "421", "--user", "rosa")
    review("--approve", correction.pk, "--labels", "4x", "--user", "rosa")
    assert Correction.objects.get().labels == [4, 10]


def test_command_needs_two_reviewers_against_a_sure_network(make_prediction: Make, reviewer: User) -> None:
    correction = make_prediction().flag("47")
    Prediction.objects.update(confidence=0.999)
    assert "approved; a second reviewer must too" in review("--approve", correction.pk, "--user", "rosa")
    assert "needs two reviewers, 1 so far" in review()
    with pytest.raises(CommandError, match="already decided"):
        review("--approve", correction.pk, "--user", "rosa")
    reviewer_named("otto")
    review("--approve", correction.pk, "--user", "otto")
    assert state_of(correction) == "approved"


def test_only_reviewers_can_decide(make_prediction: Make, user: User, reviewer: User) -> None:
    correction = make_prediction().flag("47")
    for arguments, why in (
        ([], "with --user NAME"),
        (["--user", "nobody"], "no user nobody"),
        (["--user", "ada"], "ada may not review"),
    ):
        with pytest.raises(CommandError, match=why):
            review("--approve", correction.pk, *arguments)
    with pytest.raises(CommandError, match="no decision of yours"):
        review("--undo", "--user", "rosa")
    assert state_of(correction) == "pending"

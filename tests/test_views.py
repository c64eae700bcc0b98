"""The site's pages as programs see them; what people see of them is in tests/browser."""

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from keys.models import Key
from recognizer import views
from recognizer.models import ModelVersion, Prediction, Promotion
from recognizer.pagination import PAGE
from tests.conftest import user_client, visitor_client

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine(user: User) -> Client:
    return user_client(user)


def page(client: Client, path: str, status: int = 200, **query: Any) -> str:
    response = client.get(path, query)
    assert response.status_code == status
    return response.content.decode()


def listed(shown: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'class="card" href="/predictions/(\d+)/"', shown)]


def link(shown: str, rel: str) -> str:
    (address,) = re.findall(rf'rel="{rel}" href="([^"]*)"', shown)
    return f"/history/{address.replace('&amp;', '&')}"


def test_pages_lead_to_the_oldest_and_back(mine: Client, user: User, make_prediction: Make) -> None:
    made = [make_prediction(owner=user).pk for _ in range(2 * PAGE + 1)][::-1]
    first = page(mine, "/history/")
    second = page(mine, link(first, "next"))
    third = page(mine, link(second, "next"))
    assert listed(first) + listed(second) + listed(third) == made
    assert 'rel="prev"' not in first
    assert 'rel="next"' not in third
    assert listed(page(mine, link(third, "prev"))) == listed(second)
    back = page(mine, link(second, "prev"))
    assert listed(back) == listed(first)
    assert 'rel="prev"' not in back


def test_links_to_other_pages_keep_the_filters(mine: Client, user: User, make_prediction: Make) -> None:
    drawn, _ = zip(
        *((make_prediction(owner=user, source="draw").pk, make_prediction(owner=user).pk) for _ in range(PAGE + 1)),
        strict=True,
    )
    first = page(mine, "/history/", source="draw")
    assert listed(first) + listed(page(mine, link(first, "next"))) == list(drawn[::-1])


def test_a_page_costs_the_same_queries_whatever_its_length(
    mine: Client, user: User, make_prediction: Make, django_assert_max_num_queries: Any
) -> None:
    for _ in range(PAGE):
        make_prediction(owner=user).flag("7")
    with django_assert_max_num_queries(6):
        page(mine, "/history/")


@pytest.mark.parametrize(
    "query",
    [
        {"before": "x"},
        {"after": "-1"},
        {"before": "9" * 30},
        {"before": "²"},
        {"source": "elsewhere"},
        {"digit": "12"},
        {"flagged": "perhaps"},
        {"date_from": "31-31-31"},
        {"date_to": "0000-00-00"},
        {"unheard": "of"},
    ],
    ids=str,
)
def test_nonsense_in_the_address_shows_the_newest(
    mine: Client, user: User, make_prediction: Make, query: dict[str, str]
) -> None:
    made = make_prediction(owner=user)
    assert listed(page(mine, "/history/", **query)) == [made.pk]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_there_is_can_be_asked_for(mine: Client, day: str) -> None:
    page(mine, "/history/", date_from=day, date_to=day)


def test_a_page_past_the_end_leads_back(mine: Client, user: User, make_prediction: Make) -> None:
    made = make_prediction(owner=user)
    assert "nothing further" in page(mine, "/history/", before=made.pk)


def test_a_stranger_finds_it_empty_and_gets_no_session(client: Client, make_prediction: Make) -> None:
    make_prediction()
    response = client.get("/history/")
    assert "Nothing here yet" in response.content.decode()
    assert "sessionid" not in response.cookies


def test_staff_find_their_own_alone(staff: User, make_prediction: Make) -> None:
    make_prediction()
    mine = make_prediction(owner=staff)
    assert listed(page(user_client(staff), "/history/")) == [mine.pk]


@pytest.mark.django_db(transaction=True)
def test_erasing_takes_everything_of_ones_own_and_nothing_else(media: Path, make_prediction: Make) -> None:
    visitor = uuid.uuid4()
    mine, theirs = make_prediction(visitor=visitor), make_prediction()
    client = visitor_client(visitor)
    assert "Erase everything" in page(client, "/history/erase/")
    assert client.post("/history/erase/")["Location"] == "/history/"
    assert list(Prediction.objects.all()) == [theirs]
    assert not (media / mine.image.name).exists()
    assert (media / theirs.image.name).exists()


def test_an_empty_history_has_nothing_to_erase(client: Client) -> None:
    assert "nothing to erase" in page(client, "/history/erase/")
    assert client.post("/history/erase/").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_a_deleted_prediction_takes_its_image_along(media: Path, user: User, make_prediction: Make) -> None:
    gone, stays = make_prediction(owner=user), make_prediction(owner=user)
    user_client(user).post(f"/predictions/{gone.pk}/delete/")
    assert list(Prediction.objects.all()) == [stays]
    assert not (media / gone.image.name).exists()


def test_the_page_of_a_prediction_shows_boxes_frames_and_probabilities(
    mine: Client, user: User, make_prediction: Make
) -> None:
    made = make_prediction("1\n23", owner=user, source="upload")
    shown = page(mine, f"/predictions/{made.pk}/")
    assert '<rect x="10" y="10" width="20" height="40"/>' in shown
    assert f"/predictions/{made.pk}/frames/" in shown
    assert shown.count('class="frame"') == 2 * 3
    assert shown.count("90.0 %") == 3
    assert "72.9 %" in shown
    assert "1<br>23" in shown
    for fact in ("test version", "uploaded", made.created_at.strftime("%H:%M UTC")):
        assert fact in shown


def test_frames_are_private_and_nothing_but_a_picture(mine: Client, user: User, make_prediction: Make) -> None:
    made = make_prediction(owner=user)
    answer = mine.get(f"/predictions/{made.pk}/frames/")
    assert answer.content == bytes(made.frames)
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"].startswith("private")
    assert answer["Content-Disposition"].startswith("inline")


def test_a_reviewer_reads_whose_it_is_as_text(superuser: User, make_prediction: Make) -> None:
    made = make_prediction(owner=User.objects.create(username="<b>bold"))
    shown = page(user_client(superuser), f"/predictions/{made.pk}/")
    assert "&lt;b&gt;bold" in shown
    assert "<b>bold" not in shown


def test_staff_without_the_permission_are_offered_no_deletion(staff: User, make_prediction: Make) -> None:
    made = make_prediction()
    assert "Delete for good" not in page(user_client(staff), f"/predictions/{made.pk}/")


@pytest.mark.parametrize(
    ("sent", "kept"), [("7", "7"), (" 12 \n 3 ", "12\n3"), ("12 3", "12\n3"), ("", ""), ("  ", "")]
)
def test_a_claim_is_kept_line_by_line(mine: Client, user: User, make_prediction: Make, sent: str, kept: str) -> None:
    made = make_prediction(owner=user)
    answer = mine.post(f"/predictions/{made.pk}/flag/", {"text": sent})
    assert answer["Location"] == f"/predictions/{made.pk}/"
    assert (made.corrections.get().text, made.corrections.get().flagged_by) == (kept, user)


@pytest.mark.parametrize("sent", ["seven", "-7", "7.0", "٧", "7" * 501, "7\x00"])
def test_a_claim_that_is_no_number_is_told_and_not_kept(
    mine: Client, user: User, make_prediction: Make, sent: str
) -> None:
    made = make_prediction(owner=user)
    answer = mine.post(f"/predictions/{made.pk}/flag/", {"text": sent})
    assert answer.status_code == 400
    assert 'class="errorlist"' in answer.content.decode()
    assert not made.corrections.exists()


NEW = {"username": "emmy", "password1": "an ideal ring", "password2": "an ideal ring"}


@pytest.mark.parametrize("path", ["/accounts/signup/", "/accounts/login/"])
@pytest.mark.parametrize(
    ("wanted", "reached"),
    [("/api-access/", "/api-access/"), ("//elsewhere.example/", "/history/"), ("javascript:x", "/history/")],
)
def test_people_come_back_to_where_they_were_and_nowhere_else(
    client: Client, path: str, wanted: str, reached: str
) -> None:
    User.objects.create_user("ada", password="a long pass phrase")
    known = {"username": "ada", "password": "a long pass phrase"}
    answer = client.post(path, (NEW if "signup" in path else known) | {"next": wanted})
    assert answer["Location"] == reached


def test_a_name_that_is_taken_is_told(client: Client, user: User) -> None:
    answer = client.post("/accounts/signup/", NEW | {"username": "ada"})
    assert "already exists" in answer.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("path", ["/accounts/signup/", "/accounts/login/"])
def test_whoever_enters_owns_what_was_made_before(user: User, make_prediction: Make, path: str) -> None:
    visitor = uuid.uuid4()
    made, theirs = make_prediction(visitor=visitor), make_prediction()
    known = {"username": "ada", "password": "a long pass phrase"}
    client = visitor_client(visitor)
    before = client.session.session_key
    client.post(path, NEW if "signup" in path else known)
    made.refresh_from_db()
    theirs.refresh_from_db()
    assert (made.owner, made.visitor) == (User.objects.get(pk=client.session["_auth_user_id"]), None)
    assert theirs.owner is None
    assert client.session.session_key != before


def test_nobody_who_logs_out_leaves_anything_behind(mine: Client, user: User, make_prediction: Make) -> None:
    made = make_prediction(owner=user)
    mine.post("/accounts/logout/")
    assert listed(page(mine, "/history/")) == []
    page(mine, f"/predictions/{made.pk}/", 404)


def test_a_changed_password_ends_every_other_session(mine: Client, user: User) -> None:
    elsewhere = user_client(user)
    new = {"new_password1": "another long phrase", "new_password2": "another long phrase"}
    assert mine.post("/accounts/password/", new | {"old_password": "wrong"}).status_code == 200
    assert mine.post("/accounts/password/", new | {"old_password": "a long pass phrase"}).status_code == 302
    assert mine.get("/accounts/password/").status_code == 200
    assert elsewhere.get("/accounts/password/").status_code == 302


def test_a_prediction_without_digits_has_no_heat(mine: Client, user: User, make_prediction: Make) -> None:
    shown = make_prediction(owner=user)
    Prediction.objects.filter(pk=shown.pk).update(text="", digits=[], frames=b"")
    page(mine, f"/predictions/{shown.pk}/heat/", 404)


def test_what_the_serving_version_draws_is_drawn_anew_and_not_without_one(
    mine: Client, user: User, make_prediction: Make, no_reader: None
) -> None:
    shown = make_prediction(owner=user)
    User.objects.update(is_staff=True)
    for drawn in ("heat", "explanation"):
        answer = mine.get(f"/predictions/{shown.pk}/{drawn}/")
        assert answer.status_code == 503
        assert "no-store" in answer["Cache-Control"]


def test_examples_call_this_site(client: Client) -> None:
    assert page(client, "/api-access/").count("http://testserver/api/v1/predictions/") == 3


def test_a_site_without_a_network_says_so(client: Client) -> None:
    Promotion.objects.all().delete()
    assert "No version of the network serves yet" in page(client, "/about/")
    page(client, "/about/mistakes/", 404)


@pytest.mark.parametrize("missing", ["metrics", "network", "data", "training", "history", "mistakes", "files", "all"])
def test_a_card_may_lack_any_part(client: Client, version: ModelVersion, missing: str) -> None:
    version.card = {} if missing == "all" else {name: part for name, part in version.card.items() if name != missing}
    version.save()
    assert version.name in page(client, "/about/")


def test_the_network_page_tells_the_whole_training(client: Client, version: ModelVersion) -> None:
    training = {"epochs": 18, "rounds": 2, "settling": 7, "teacher": "a" * 64, "seed": 1}
    version.card = version.card | {"training": training}
    version.save()
    assert "18 epochs, then 2 rounds of 7, with a teacher, seed 1" in page(client, "/about/")
    version.card["training"]["finishing"] = 8
    version.save()
    assert "2 rounds of 7, with a teacher, then 8 without, seed 1" in page(client, "/about/")
    version.card["training"]["teacher"] = ""
    version.save()
    assert "2 rounds of 7, then 8, seed 1" in page(client, "/about/")


def test_a_picture_of_mistakes_that_is_gone_is_not_found(client: Client, version: ModelVersion) -> None:
    assert client.get("/about/mistakes/").status_code == 200
    version.mistakes.delete()
    page(client, "/about/mistakes/", 404)


def test_a_form_without_its_token_changes_nothing(user: User, make_prediction: Make) -> None:
    made = make_prediction(owner=user)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    for path in (f"/predictions/{made.pk}/flag/", f"/predictions/{made.pk}/delete/", "/history/erase/", "/api-access/"):
        answer = client.post(path, {"text": "7", "name": "a key", "scopes": ["read"]})
        assert answer.status_code == 403
        assert "The form was out of date" in answer.content.decode()
    assert not made.corrections.exists()
    assert Prediction.objects.exists()
    assert not Key.objects.exists()


def test_a_failure_is_told_without_a_word_of_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*args: Any) -> None:
        raise ZeroDivisionError("the secret reason")

    monkeypatch.setattr(views, "page_of", stumble)
    answer = Client(raise_request_exception=False).get("/history/")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
    assert "secret reason" not in answer.content.decode()


def test_what_is_not_there_is_a_page(client: Client) -> None:
    assert "There is nothing here" in page(client, "/nowhere/", 404)
    assert "There is nothing here" in page(client, f"/predictions/{2**63}/", 404)

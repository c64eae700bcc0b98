"""The site's pages without a browser; tests/system/browser has the rest."""

import datetime
import io
import re
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from keys.models import Key
from recognizer import models, predictions
from recognizer.identity import Identity
from recognizer.models import ModelVersion, Prediction, Promotion
from recognizer.pagination import PAGE
from recognizer.views import history
from tests.factories import grant, user_client, visitor_client
from tests.fakes import FakeReader

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


def test_history_pages_lead_to_the_oldest_and_back(mine: Client, user: User, make_prediction: Make) -> None:
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


@pytest.fixture
def of_all_kinds(user: User, make_prediction: Make) -> list[Prediction]:
    """A user's predictions, the surest first; the last two came in batch 7."""
    made = []
    for text, share in (("4711", 0.99), ("12", 0.7), ("812", 0.7), ("3", 0.2), ("4", 0.95)):
        prediction = make_prediction(text, owner=user, filename=f"{text}.jpg")
        prediction.confidence = share
        prediction.batch = 7 if len(text) == 1 else None
        prediction.save()
        made.append(prediction)
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["812", "12", "4711"]),
        ({"text": "12"}, ["812", "12"]),
        ({"text": "4"}, ["4", "4711"]),
        ({"sure": "true"}, ["4", "4711"]),
        ({"sure": "false"}, ["3", "812", "12"]),
        ({"min_confidence": "0.5", "max_confidence": "0.97"}, ["4", "812", "12"]),
        ({"min_confidence": "0"}, ["4", "3", "812", "12", "4711"]),
        ({"batch": "7"}, ["4", "3"]),
        ({"batch": "70"}, []),
        ({"sort": "confidence"}, ["812", "12", "4711"]),
        ({"sort": "confidence", "sure": "false"}, ["3", "812", "12"]),
    ],
    ids=str,
)
def test_readings_are_found_by_number_sureness_and_batch(
    mine: Client, of_all_kinds: list[Prediction], query: dict[str, str], found: list[str]
) -> None:
    texts = {prediction.pk: prediction.text for prediction in of_all_kinds}
    assert [texts[pk] for pk in listed(page(mine, "/history/", **query))] == found
    if "sort" not in query:
        rows = mine.get("/api/v1/predictions/", query).json()["results"]
        everything = ["4", "3", "812", "12", "4711"]
        assert [row["text"] for row in rows] == (found if query else everything)


def test_correction_is_the_initial_value_of_the_next_one(mine: Client, user: User, make_prediction: Make) -> None:
    prediction = make_prediction("71", owner=user)

    def initial() -> str:
        return str(mine.get(prediction.get_absolute_url()).context["form"].initial["text"])

    assert initial() == "71"
    prediction.flag("17")
    assert initial() == "17"
    prediction.flag("")
    assert initial() == "71"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="with few rows PostgreSQL reads them all, index or not")
def test_search_without_matches_reads_no_rows(user: User, make_prediction: Make) -> None:
    make_prediction("71", owner=user)
    with CaptureQueriesContext(connection) as told:
        assert not Prediction.objects.of(Identity(user=user)).saying("8")
    search = told[1]["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {search}")
        assert "USING COVERING INDEX prediction_of_owner_text" in str(cursor.fetchall())


@pytest.mark.parametrize("many", [1, 500])
def test_search_finds_lines_and_corrections(
    mine: Client, user: User, make_prediction: Make, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MANY", many)
    two_lines, corrected, rejected = (make_prediction(text, owner=user) for text in ("03058\n214476", "71", "70"))
    corrected.flag("17")
    rejected.flag("19").reject(by=user)

    def found(text: str) -> list[int]:
        return listed(page(mine, "/history/", text=text))

    assert found("03058 214476") == found("58 21") == found("2144") == [two_lines.pk]
    assert found("17") == found("71") == [corrected.pk]
    assert found("19") == found("58214") == []


@pytest.mark.parametrize("query", [{"text": "a"}, {"min_confidence": "2"}, {"sure": "perhaps"}, {"batch": "1.5"}])
def test_invalid_filter_returns_400(mine: Client, query: dict[str, str]) -> None:
    assert mine.get("/api/v1/predictions/", query).status_code == 400


def test_the_least_sure_come_first_page_by_page(mine: Client, user: User, make_prediction: Make) -> None:
    made = [make_prediction(owner=user) for _ in range(2 * PAGE + 1)]
    for number, prediction in enumerate(made):
        Prediction.objects.filter(pk=prediction.pk).update(confidence=(number % 5) / 7)
    rows = Prediction.objects.order_by("confidence", "-pk").values_list("pk", flat=True)
    first = page(mine, "/history/", sort="confidence")
    second = page(mine, link(first, "next"))
    third = page(mine, link(second, "next"))
    assert listed(first) + listed(second) + listed(third) == list(rows)
    assert listed(page(mine, link(third, "prev"))) == listed(second)
    assert listed(page(mine, link(second, "prev"))) == listed(first)
    for nonsense in ("7", "7~", "7~nan", "~0.5", "x~y"):
        assert listed(page(mine, "/history/", sort="confidence", before=nonsense)) == listed(first)


def test_file_name_is_escaped_in_pages(mine: Client, user: User, make_prediction: Make) -> None:
    made = make_prediction(owner=user, filename="<b>.jpg")
    assert "&lt;b&gt;.jpg" in page(mine, "/history/")
    assert "&lt;b&gt;.jpg" in page(mine, made.get_absolute_url())


def test_one_click_confirms_a_reading(mine: Client, user: User, make_prediction: Make) -> None:
    made = make_prediction("4\n2", owner=user)
    shown = page(mine, "/history/")
    assert f'value="{made.text}"' in shown
    mine.post(f"/predictions/{made.pk}/flag/", {"text": made.text, "next": "/history/"})
    assert made.corrections.get().state == "confirmed"
    assert "card-right" not in page(mine, "/history/")


def test_page_needs_the_same_queries_at_any_length(
    mine: Client, user: User, make_prediction: Make, django_assert_max_num_queries: Any
) -> None:
    for _ in range(PAGE):
        make_prediction(owner=user).flag("7")
    page(mine, "/history/")  # The first page of a session lists the session.
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
def test_invalid_cursor_shows_the_newest(
    mine: Client, user: User, make_prediction: Make, query: dict[str, str]
) -> None:
    made = make_prediction(owner=user)
    assert listed(page(mine, "/history/", **query)) == [made.pk]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Niue"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_first_and_last_possible_day_can_be_filtered(mine: Client, day: str, zone: str) -> None:
    mine.cookies["timezone"] = zone
    page(mine, "/history/", date_from=day, date_to=day)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Pacific/Auckland", "2026-03-02"),
        ("America/New_York", "2026-03-01"),
        ("Europe", "2026-03-01"),
        ("/", "2026-03-01"),
    ],
)
def test_days_are_in_the_viewers_time_zone(
    mine: Client, user: User, make_prediction: Make, zone: str, day: str
) -> None:
    made = make_prediction(owner=user, created_at=datetime.datetime(2026, 3, 1, 23, 30, tzinfo=datetime.UTC))
    mine.cookies["timezone"] = zone
    assert listed(page(mine, "/history/", date_from=day, date_to=day)) == [made.pk]


def test_period_ending_before_it_begins_is_an_error(mine: Client, user: User, make_prediction: Make) -> None:
    make_prediction(owner=user)
    shown = page(mine, "/history/", date_from="2026-03-02", date_to="2026-03-01")
    assert "The first day is after the last." in shown


def test_page_past_the_end_links_back(mine: Client, user: User, make_prediction: Make) -> None:
    made = make_prediction(owner=user)
    assert "There are no more pictures" in page(mine, "/history/", before=made.pk)


def test_history_is_empty_without_identity_or_session(client: Client, make_prediction: Make) -> None:
    make_prediction()
    response = client.get("/history/")
    assert "No pictures yet" in response.content.decode()
    assert "sessionid" not in response.cookies


def test_staff_without_permission_find_only_their_own(staff: User, make_prediction: Make) -> None:
    make_prediction()
    mine = make_prediction(owner=staff)
    assert listed(page(user_client(staff), "/history/")) == [mine.pk]


def select(client: Client, action: str, *ids: Any, **data: Any) -> Any:
    return client.post("/history/selected/", {"action": action, "id": ids} | data)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("image_files")
def test_deletion_affects_only_own_selected_predictions(
    mine: Client, media: Path, user: User, make_prediction: Make
) -> None:
    ticked, other, theirs = make_prediction(owner=user), make_prediction(owner=user), make_prediction()
    response = select(mine, "delete", ticked.pk, theirs.pk, "nonsense", "9" * 30, next="/history/?text=4")
    assert response["Location"] == "/history/?text=4"
    assert set(Prediction.objects.all()) == {other, theirs}
    assert not (media / ticked.image.name).exists()
    assert "1 prediction deleted." in page(mine, "/history/")
    assert select(mine, "delete", next="//evil.example/")["Location"] == "/history/"


def test_deletion_by_script_returns_204(mine: Client, user: User, make_prediction: Make) -> None:
    ticked = make_prediction(owner=user)
    sent = {"action": "delete", "id": [ticked.pk]}
    for _ in range(2):
        assert mine.post("/history/selected/", sent, headers={"Accept": "application/json"}).status_code == 204
    assert not Prediction.objects.exists()
    assert "deleted." not in page(mine, "/history/")


def test_ticked_predictions_are_downloaded(mine: Client, media: Path, user: User, make_prediction: Make) -> None:
    ticked, theirs = make_prediction("12", owner=user), make_prediction("34")
    make_prediction("56", owner=user)
    table = select(mine, "table", ticked.pk, theirs.pk).getvalue().decode()
    assert [line.split(",")[0] for line in table.splitlines()[1:]] == [f'"{ticked.pk}"']
    with zipfile.ZipFile(io.BytesIO(select(mine, "pictures", ticked.pk, theirs.pk).getvalue())) as packed:
        assert set(packed.namelist()) == {f"{ticked.pk}.png", "labels.json"}
    assert select(mine, "burn", ticked.pk).status_code == 400


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("image_files")
def test_erasing_deletes_exactly_ones_own_data(media: Path, make_prediction: Make) -> None:
    visitor = uuid.uuid4()
    mine, theirs = make_prediction(visitor=visitor), make_prediction()
    client = visitor_client(visitor)
    assert "Delete everything" in page(client, "/history/erase/")
    assert client.post("/history/erase/")["Location"] == "/history/"
    assert list(Prediction.objects.all()) == [theirs]
    assert not (media / mine.image.name).exists()
    assert (media / theirs.image.name).exists()


def test_empty_history_offers_no_deletion(client: Client) -> None:
    assert "already empty" in page(client, "/history/erase/")
    assert client.post("/history/erase/").status_code == 302


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("image_files")
def test_deleted_prediction_deletes_its_image(media: Path, user: User, make_prediction: Make) -> None:
    gone, stays = make_prediction(owner=user), make_prediction(owner=user)
    user_client(user).post(f"/predictions/{gone.pk}/delete/")
    assert list(Prediction.objects.all()) == [stays]
    assert not (media / gone.image.name).exists()


def test_prediction_page_shows_boxes_and_probabilities(mine: Client, user: User, make_prediction: Make) -> None:
    made = make_prediction("1\n23", owner=user, source="upload")
    shown = page(mine, f"/predictions/{made.pk}/")
    assert '<rect x="10" y="10" width="20" height="40"/>' in shown
    assert f"/predictions/{made.pk}/frames/" in shown
    assert shown.count('class="frame"') == 2 * 3
    assert shown.count("90.0 %") == 3
    assert "72.9 %" in shown
    assert '<span id="reading-text">1\n23</span>' in shown
    for fact in ("test version", "uploaded", made.created_at.strftime("%H:%M UTC")):
        assert fact in shown


def test_frames_are_served_private_and_as_pictures(mine: Client, user: User, make_prediction: Make) -> None:
    made = make_prediction(owner=user)
    answer = mine.get(f"/predictions/{made.pk}/frames/")
    assert answer.content == bytes(made.frames)
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"].startswith("private")
    assert answer["Content-Disposition"].startswith("inline")


def test_corrector_name_is_escaped(superuser: User, make_prediction: Make) -> None:
    made = make_prediction(owner=User.objects.create(username="<b>bold"))
    shown = page(user_client(superuser), f"/predictions/{made.pk}/")
    assert "&lt;b&gt;bold" in shown
    assert "<b>bold" not in shown


def test_staff_without_the_permission_are_offered_no_deletion(staff: User, make_prediction: Make) -> None:
    made = make_prediction()
    assert ">Delete<" not in page(user_client(grant(staff, "view_prediction")), f"/predictions/{made.pk}/")


@pytest.mark.parametrize(
    ("sent", "kept"), [("7", "7"), (" 12 \n 3 ", "12\n3"), ("12 3", "12\n3"), ("", ""), ("  ", "")]
)
def test_correction_keeps_its_lines(mine: Client, user: User, make_prediction: Make, sent: str, kept: str) -> None:
    made = make_prediction(owner=user)
    answer = mine.post(f"/predictions/{made.pk}/flag/", {"text": sent})
    assert answer["Location"] == f"/predictions/{made.pk}/"
    assert (made.corrections.get().text, made.corrections.get().flagged_by) == (kept, user)


@pytest.mark.parametrize("sent", ["seven", "-7", "7.0", "٧", "7" * 501, "7\x00"])
def test_correction_without_a_number_is_refused(mine: Client, user: User, make_prediction: Make, sent: str) -> None:
    made = make_prediction(owner=user)
    answer = mine.post(f"/predictions/{made.pk}/flag/", {"text": sent})
    assert answer.status_code == 400
    assert 'class="errorlist"' in answer.content.decode()
    assert not made.corrections.exists()


NEW = {"username": "emmy", "password1": "an ideal ring", "password2": "an ideal ring"}


@pytest.mark.parametrize("path", ["/accounts/signup/", "/accounts/login/"])
@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/api-access/", "/api-access/"),
        ("//elsewhere.example/", "/history/"),
        ("javascript:x", "/history/"),
        ("abc", "/history/"),
    ],
)
def test_redirects_stay_on_the_site(client: Client, path: str, wanted: str, reached: str) -> None:
    User.objects.create_user("ada", password="a long pass phrase")
    known = {"login": "ada", "password": "a long pass phrase"}
    answer = client.post(path, (NEW if "signup" in path else known) | {"next": wanted})
    assert answer["Location"] == reached


@pytest.mark.parametrize("wanted", ["abc", "//elsewhere.example/", "\x00", "/a\nb", "\\", "x" * 5000, "http:///x"])
def test_invalid_next_redirects_to_the_default(mine: Client, user: User, make_prediction: Make, wanted: str) -> None:
    made = make_prediction(owner=user)
    for path in ("signup", "login"):
        assert mine.get(f"/accounts/{path}/", {"next": wanted}).status_code == 302
    answer = mine.post(f"/predictions/{made.pk}/flag/", {"text": "7", "next": wanted})
    assert (answer.status_code, answer["Location"][0]) == (302, "/")


def test_taken_name_is_refused(client: Client, user: User) -> None:
    answer = client.post("/accounts/signup/", NEW | {"username": "ada"})
    assert "already exists" in answer.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("path", ["/accounts/signup/", "/accounts/login/"])
def test_log_in_moves_the_visitors_predictions(user: User, make_prediction: Make, path: str) -> None:
    visitor = uuid.uuid4()
    made, theirs = make_prediction(visitor=visitor), make_prediction()
    known = {"login": "ada", "password": "a long pass phrase"}
    client = visitor_client(visitor)
    client.post(path, NEW if "signup" in path else known)
    made.refresh_from_db()
    theirs.refresh_from_db()
    assert (made.owner, made.visitor) == (User.objects.get(pk=client.session["_auth_user_id"]), None)
    assert theirs.owner is None


def test_logged_out_browser_shows_no_predictions(mine: Client, user: User, make_prediction: Make) -> None:
    made = make_prediction(owner=user)
    mine.post("/accounts/logout/")
    assert listed(page(mine, "/history/")) == []
    page(mine, f"/predictions/{made.pk}/", 404)


def test_password_change_ends_all_other_sessions(mine: Client, user: User) -> None:
    elsewhere = user_client(user)
    new = {"password1": "another long phrase", "password2": "another long phrase"}
    assert mine.post("/accounts/password/", new | {"oldpassword": "wrong"}).status_code == 200
    assert mine.post("/accounts/password/", new | {"oldpassword": "a long pass phrase"}).status_code == 302
    assert mine.get("/accounts/password/").status_code == 200
    assert elsewhere.get("/accounts/password/").status_code == 302


@pytest.mark.parametrize("revoke", [True, False])
def test_password_change_revokes_keys_on_request(mine: Client, user: User, other_user: User, revoke: bool) -> None:
    assert "API keys" not in page(mine, "/accounts/password/")
    for owner in (user, other_user):
        Key.objects.issue(owner)
    assert "Revoke all my API keys" in page(mine, "/accounts/password/")
    new = {"password1": "another long phrase", "password2": "another long phrase"}
    form = new | {"oldpassword": "a long pass phrase"} | ({"revoke_keys": "on"} if revoke else {})
    assert mine.post("/accounts/password/", form).status_code == 302
    assert {key.user for key in Key.objects.all()} == ({other_user} if revoke else {user, other_user})


def test_a_prediction_without_digits_has_no_heat(mine: Client, user: User, make_prediction: Make) -> None:
    shown = make_prediction(owner=user)
    Prediction.objects.filter(pk=shown.pk).update(text="", digits=[], frames=b"")
    page(mine, f"/predictions/{shown.pk}/heat/", 404)


def test_pictures_are_drawn_by_the_version_that_read(
    mine: Client, user: User, make_prediction: Make, reader: FakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.update(is_staff=True)
    earlier = FakeReader(ModelVersion.objects.create(name="earlier"))
    asked: list[Any] = []
    monkeypatch.setattr(predictions, "reader_for", lambda version: asked.append(version) or earlier)
    shown = make_prediction(owner=user, model_version=earlier.version)
    for drawn in ("heat", "explanation"):
        assert mine.get(f"/predictions/{shown.pk}/{drawn}/").status_code == 200
    assert asked == [earlier.version, earlier.version]


def test_pictures_of_a_reading_are_not_drawn_without_its_version(
    mine: Client, user: User, make_prediction: Make, no_reader: None
) -> None:
    shown = make_prediction(owner=user)
    User.objects.update(is_staff=True)
    for drawn in ("heat", "mask", "explanation"):
        answer = mine.get(f"/predictions/{shown.pk}/{drawn}/")
        assert answer.status_code == 503
        assert "no-store" in answer["Cache-Control"]


def test_examples_call_this_site(client: Client) -> None:
    assert page(client, "/api-access/").count("http://testserver/api/v1/predictions/") == 3


def test_about_page_without_a_version_says_so(client: Client) -> None:
    Promotion.objects.all().delete()
    assert "No version of the network is installed yet" in page(client, "/about/")
    page(client, "/about/mistakes/", 404)


@pytest.mark.parametrize("missing", ["metrics", "network", "data", "training", "history", "mistakes", "files", "all"])
def test_about_page_works_with_an_incomplete_card(client: Client, version: ModelVersion, missing: str) -> None:
    version.card = {} if missing == "all" else {name: part for name, part in version.card.items() if name != missing}
    version.save()
    assert version.name in page(client, "/about/")


def test_about_page_shows_the_whole_training(client: Client, version: ModelVersion) -> None:
    training = {"epochs": 18, "rounds": 2, "settling": 7, "teacher": "a" * 64, "seed": 1}
    version.card = version.card | {"training": training}
    version.save()
    assert "18 epochs, then 2 rounds of 7, distilled from a teacher, seed 1" in page(client, "/about/")
    version.card["training"]["finishing"] = 8
    version.save()
    assert "2 rounds of 7, distilled from a teacher, then 8 without it, seed 1" in page(client, "/about/")
    version.card["training"]["teacher"] = ""
    version.save()
    assert "2 rounds of 7, then 8, seed 1" in page(client, "/about/")


def test_about_page_of_a_retrained_version_shows_steps(client: Client, version: ModelVersion) -> None:
    retrained = {"command": "manage.py retrain", "steps": 360, "seed": 1, "started_from": "2026-11-27"}
    history = {"loss": [0.4, 0.3, 0.2], "accuracy": [0.9, 0.92, 0.95]}
    data = version.card["data"] | {"corrections": 300}
    version.card = version.card | {"training": retrained, "history": history, "data": data}
    version.save()
    shown = page(client, "/about/")
    assert "360 steps from 2026-11-27, seed 1" in shown
    assert "300 corrected digits" in shown
    assert "Loss over 360 steps" in shown
    assert "epoch" not in shown
    assert "validation digits" not in shown


def test_missing_picture_of_mistakes_returns_404(client: Client, version: ModelVersion) -> None:
    assert client.get("/about/mistakes/").status_code == 200
    version.mistakes.delete()
    page(client, "/about/mistakes/", 404)


def test_form_without_csrf_token_changes_nothing(user: User, make_prediction: Make) -> None:
    made = make_prediction(owner=user)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    for path in (f"/predictions/{made.pk}/flag/", f"/predictions/{made.pk}/delete/", "/history/erase/", "/api-access/"):
        answer = client.post(path, {"text": "7", "name": "a key", "scopes": ["read"]})
        assert answer.status_code == 403
        assert "The form expired" in answer.content.decode()
    assert not made.corrections.exists()
    assert Prediction.objects.exists()
    assert not Key.objects.exists()


def test_failure_reveals_no_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*args: Any) -> None:
        raise ZeroDivisionError("the secret reason")

    monkeypatch.setattr(history, "page_of", stumble)
    answer = Client(raise_request_exception=False).get("/history/")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
    assert "secret reason" not in answer.content.decode()


def test_missing_address_shows_the_404_page(client: Client) -> None:
    assert "Page not found" in page(client, "/nowhere/", 404)
    assert "Page not found" in page(client, f"/predictions/{2**63}/", 404)

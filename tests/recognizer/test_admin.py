import csv
import datetime
import io
import json
import re
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.admin import NewestRows
from keys.models import Key
from recognizer.admin.predictions import PredictionAdmin
from recognizer.models import Correction, ModelVersion, Prediction
from tests.factories import grant, user_client

Make = Callable[..., Prediction]
PREDICTIONS = "/admin/recognizer/prediction/"
CORRECTIONS = "/admin/recognizer/correction/"
VERSIONS = "/admin/recognizer/modelversion/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(superuser: User) -> Client:
    return user_client(superuser)


QUERIES = [
    "created_at__year=2147483648",
    "created_at__year=99999999999999999999",
    "created_at__year=0",
    "created_at__year=2026&created_at__month=2147483648",
    "created_at__gte=x",
    "date_joined__year=2147483648",
    "text__regex=(",
    "id__exact=9999999999999999999999",
    "q=%00",
    "p=9999999999999999999999",
]
LISTS = [
    *(PREDICTIONS, CORRECTIONS, VERSIONS, "/admin/training/trainingrun/", "/admin/batches/batch/"),
    *("/admin/keys/key/", "/admin/auth/user/", "/admin/auth/group/"),
]


@pytest.mark.parametrize("path", LISTS)
def test_invalid_admin_query_is_not_a_500(
    transactional_db: None, admin: Client, path: str, make_prediction: Make
) -> None:
    # In the test's transaction, PostgreSQL would refuse all queries after the first error.
    make_prediction().flag("7")
    for query in QUERIES:
        assert admin.get(f"{path}?{query}").status_code < 500, query


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("selected", ["x", "9" * 30, "\x00", ""])
def test_invalid_admin_selection_is_not_a_500(admin: Client, path: str, selected: str) -> None:
    for action in ("delete_selected", "approve", "promote", "export_csv"):
        answer = admin.post(path, {"action": action, "_selected_action": selected})
        assert answer.status_code < 500, action


def test_bug_in_the_admin_returns_500(superuser: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PredictionAdmin, "get_queryset", Mock(side_effect=ValueError("a fault")))
    client = user_client(superuser, raise_request_exception=False)
    assert client.get(PREDICTIONS).status_code == 500


def page(client: Client, path: str, **query: Any) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return response.content.decode()


def act(client: Client, path: str, action: str, *rows: Any) -> Any:
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(path, chosen, follow=True)


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_predictions_are_listed_as_facts_beside_their_picture(admin: Client, make_prediction: Make, user: Any) -> None:
    made = make_prediction("1\n23", owner=user)
    made.flag("7")
    shown = page(admin, PREDICTIONS)
    assert f"/api/v1/predictions/{made.pk}/image/?size=thumb" in shown
    for fact in ("1 23", "72.9 %", "7 (Pending)", "ada", "test version"):
        assert fact in shown


def test_prediction_list_has_constant_queries(
    admin: Client, make_prediction: Make, user: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_prediction(owner=user).flag("7")
    page(admin, PREDICTIONS)  # The first page of a session lists the session.
    with django_assert_max_num_queries(10):
        page(admin, PREDICTIONS)


def test_admin_list_never_counts_all_rows(
    admin: Client, make_prediction: Make, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A list that fits on one page is loaded completely.
    monkeypatch.setattr(PredictionAdmin, "list_per_page", 1)
    for _ in range(2):
        make_prediction(owner=user).flag("7")
    with CaptureQueriesContext(connection) as asked:
        page(admin, PREDICTIONS)
    about = [query["sql"] for query in asked if 'FROM "recognizer_prediction"' in query["sql"]]
    assert len(about) <= 4
    for query in about:
        assert "LIMIT" in query
        assert "MIN(" not in query


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"source__exact": "draw"},
        {"model_version__id__exact": "1"},
        {"created_at__year": "2026"},
        {"created_at__year": "2026", "created_at__month": "11"},
    ],
)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="with few rows PostgreSQL reads them all, index or not")
def test_list_is_ordered_by_an_index(admin: Client, make_prediction: Make, query: dict[str, str]) -> None:
    make_prediction()
    plan = admin.get(PREDICTIONS, query).context["cl"].queryset[:50].explain()
    assert "USING INDEX prediction_" in plan
    assert "TEMP B-TREE" not in plan


def test_search_by_reading_uses_an_index(admin: Client, make_prediction: Make) -> None:
    for text in ("7", "71", "8", "9", "99\n1", "0", "09", "1"):
        make_prediction(text)
    by_text = Prediction.objects.order_by("text", "id")
    for digits in ("7", "71", "9", "99", "0", "09", "8"):
        found = set(by_text.starting_with(digits, most=10))
        assert found == {row for row in by_text if row.text.startswith(digits)}
    assert [row.text for row in by_text.starting_with("7", most=1)] == ["7"]


def test_list_says_if_it_shows_only_the_newest_rows(
    admin: Client, make_prediction: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_prediction() for _ in range(3)]
    assert "Only the newest are listed" not in page(admin, PREDICTIONS)
    monkeypatch.setattr(NewestRows, "MAX_ROWS", 2)
    shown = page(admin, PREDICTIONS)
    assert "Only the newest are listed" in shown
    assert "2 predictions" in shown
    assert listed(admin) >= {made[2].pk, made[1].pk}


def test_dates_are_offered_from_years_down_to_days(admin: Client, make_prediction: Make) -> None:
    for year, month, day in ((2024, 2, 28), (2024, 3, 1), (2026, 1, 5)):
        moment = datetime.datetime(year, month, day, 12, tzinfo=datetime.UTC)
        Prediction.objects.filter(pk=make_prediction().pk).update(created_at=moment)

    def offered(**asked: int) -> list[str]:
        shown = page(admin, PREDICTIONS, **{f"created_at__{part}": number for part, number in asked.items()})
        return re.findall(r">([^<>]+)</a>", shown[shown.index('class="toplinks"') :].split("</nav>")[0])

    assert offered() == ["2024", "2025", "2026"]
    assert offered(year=2026) == ["&lsaquo; All dates", "January 2026"]
    assert offered(year=2024)[:3] == ["&lsaquo; All dates", "February 2024", "March 2024"]
    assert offered(year=2024, month=2) == ["&lsaquo; 2024", "28 February", "29 February"]
    assert offered(year=2024, month=2, day=28) == ["&lsaquo; February 2024"]
    assert len(listed(admin, created_at__year=2024)) == 2
    assert admin.get(PREDICTIONS, {"created_at__year": "2024", "created_at__day": "15"}).status_code == 200


def listed(client: Client, **query: Any) -> set[int]:
    response = client.get(PREDICTIONS, query)
    assert response.status_code == 200, response.headers
    return {prediction.pk for prediction in response.context["cl"].result_list}


def test_predictions_are_found_by_text_and_by_id(admin: Client, make_prediction: Make) -> None:
    first, second = make_prediction("314"), make_prediction("271")
    assert listed(admin, q="31") == {first.pk} | ({second.pk} if second.pk == 31 else set())
    assert second.pk in listed(admin, q=str(second.pk))
    assert listed(admin, q="nothing") == set()
    assert listed(admin, q="9" * 40) == set()


def test_predictions_are_found_by_their_owner(admin: Client, make_prediction: Make, user: Any) -> None:
    hers, theirs = make_prediction("314", owner=user), make_prediction("271")
    assert listed(admin, q="ADA") == {hers.pk}
    assert listed(admin, q="ad") == set()
    user.username = "2718"
    user.save()
    assert listed(admin, q="2718") == {hers.pk}
    assert listed(admin, owner="users") == {hers.pk}
    assert listed(admin, owner="visitors") == {theirs.pk}
    assert listed(admin, owner=user.pk) == {hers.pk}
    assert f'href="{PREDICTIONS}?owner={user.pk}"' in page(admin, PREDICTIONS)
    for nonsense in ("x", "9" * 30, user.pk + 1000):
        assert listed(admin, owner=nonsense) == set()


def test_predictions_are_filtered_by_what_was_read(admin: Client, make_prediction: Make) -> None:
    sure, unsure = make_prediction("314"), make_prediction("27")
    Prediction.objects.filter(pk=sure.pk).update(confidence=0.9999)
    Prediction.objects.filter(pk=unsure.pk).update(confidence=0.1)
    assert listed(admin, sure="yes") == {sure.pk}
    assert listed(admin, sure="no") == {unsure.pk}
    assert listed(admin, digit="7") == {unsure.pk}
    assert listed(admin, digit="3", sure="no") == set()


def test_predictions_are_filtered_by_version(admin: Client, make_prediction: Make, version: ModelVersion) -> None:
    newer = ModelVersion.objects.create(name="newer", litert_sha256="b")
    old, new = make_prediction(), make_prediction(model_version=newer)
    assert f"?model_version__id__exact={newer.pk}" in page(admin, PREDICTIONS)
    assert listed(admin, model_version__id__exact=version.pk) == {old.pk}
    assert listed(admin, model_version__id__exact=newer.pk) == {new.pk}


def test_predictions_are_filtered(admin: Client, make_prediction: Make) -> None:
    drawn, sent = make_prediction(source="draw"), make_prediction()
    drawn.flag("7")
    assert listed(admin, source__exact="draw") == {drawn.pk}
    assert listed(admin, flagged="yes") == {drawn.pk}
    assert listed(admin, flagged="no") == {sent.pk}
    assert listed(admin, created_at__year=drawn.created_at.year) == {drawn.pk, sent.pk}


def test_prediction_is_read_only_and_lists_its_corrections(admin: Client, make_prediction: Make) -> None:
    made = make_prediction()
    made.flag("77")
    path = f"{PREDICTIONS}{made.pk}/change/"
    shown = page(admin, path)
    assert f"/api/v1/predictions/{made.pk}/image/" in shown
    assert "77" in shown
    admin.post(path, {"text": "9", "source": "draw"})
    made.refresh_from_db()
    assert (made.text, made.source) == ("42", "api")
    assert admin.get(f"{PREDICTIONS}add/").status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("one", [True, False])
@pytest.mark.usefixtures("image_files")
def test_predictions_deleted_by_staff_take_their_images_along(
    superuser: User, make_prediction: Make, one: bool
) -> None:
    made = make_prediction()
    made.flag("7")
    client = user_client(superuser)
    if one:
        client.post(f"{PREDICTIONS}{made.pk}/delete/", {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": [made.pk], "post": "yes"}
        client.post(PREDICTIONS, chosen)
    assert not Prediction.objects.exists()
    assert not default_storage.exists(made.image.name)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("one", [True, False])
@pytest.mark.usefixtures("image_files")
def test_deleted_account_deletes_its_pictures(superuser: User, make_prediction: Make, user: User, one: bool) -> None:
    theirs, others = make_prediction(owner=user), make_prediction()
    client = user_client(superuser)
    if one:
        client.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
        client.post("/admin/auth/user/", chosen)
    assert not User.objects.filter(pk=user.pk).exists()
    assert not default_storage.exists(theirs.image.name)
    assert default_storage.exists(others.image.name)


def test_the_selection_is_exported_as_csv(admin: Client, make_prediction: Make, staff: Any) -> None:
    first, second = make_prediction("1\n2"), make_prediction("3")
    first.flag("12").approve(by=staff)
    make_prediction("9")
    response = act(admin, PREDICTIONS, "export_csv", first, second)
    assert response["Content-Disposition"] == 'attachment; filename="predictions.csv"'
    rows = list(csv.DictReader(io.StringIO(body(response).decode("utf-8-sig"), newline="")))
    assert [(row["id"], row["text"], row["correction"], row["correction_state"]) for row in rows] == [
        (str(second.pk), "3", "", ""),
        (str(first.pk), "1\n2", "12", "approved"),
    ]


def test_file_name_that_is_a_formula_is_escaped_in_exports(admin: Client, make_prediction: Make) -> None:
    made = make_prediction(owner=User.objects.create(username="@SUM"))
    (row,) = csv.DictReader(io.StringIO(body(act(admin, PREDICTIONS, "export_csv", made)).decode("utf-8-sig")))
    assert row["owner"] == "'@SUM"


@pytest.mark.usefixtures("image_files")
def test_the_selection_is_exported_as_images_with_labels(
    admin: Client, make_prediction: Make, staff: Any, media: Path
) -> None:
    plain, corrected, refused, lost = (make_prediction() for _ in range(4))
    corrected.flag("7").approve(by=staff)
    refused.flag("8").reject(by=staff)
    (media / lost.image.name).unlink()
    response = act(admin, PREDICTIONS, "export_images", plain, corrected, refused, lost)
    with zipfile.ZipFile(io.BytesIO(body(response))) as archive:
        labels = json.loads(archive.read("labels.json"))
        assert labels == {
            f"{plain.pk}.png": {"text": "42"},
            f"{corrected.pk}.png": {"text": "7"},
            f"{refused.pk}.png": {"text": "42"},
        }
        assert set(archive.namelist()) == {*labels, "labels.json"}
        assert archive.read(f"{plain.pk}.png") == (media / plain.image.name).read_bytes()


def test_admin_queue_shows_pending_corrections_with_pictures(admin: Client, make_prediction: Make, staff: Any) -> None:
    waiting, empty, done = (make_prediction().flag(text) for text in ("1111111", "", "3333333"))
    done.approve(by=staff)
    shown = page(admin, CORRECTIONS)
    assert f"/review/{waiting.pk}/image/?size=thumb" in shown
    assert "1111111" in shown
    assert "no number" in shown
    assert "3333333" not in shown
    assert "3333333" in page(admin, CORRECTIONS, state="all")
    assert "1111111" not in page(admin, CORRECTIONS, state="approved")
    assert page(admin, f"{CORRECTIONS}{empty.pk}/change/")


@pytest.mark.parametrize(("action", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_a_review_records_who_and_when(
    admin: Client, superuser: User, make_prediction: Make, action: str, state: str
) -> None:
    correction, other = make_prediction().flag("7"), make_prediction().flag("8")
    assert said(act(admin, CORRECTIONS, action, correction)) == [f"1 {state}."]
    correction.refresh_from_db()
    other.refresh_from_db()
    assert (correction.state, correction.reviewed_by) == (state, superuser)
    assert correction.reviewed_at is not None
    assert other.state == "pending"


@pytest.mark.parametrize("permissions", [["review_corrections"], ["view_correction", "view_prediction"]])
def test_reviewer_in_the_admin_sees_the_picture(staff: User, make_prediction: Make, permissions: list[str]) -> None:
    make_prediction().flag("7")
    client = user_client(grant(staff, *permissions))
    (address,) = re.findall(r'class="picture" src="([^"]+)"', page(client, CORRECTIONS))
    assert client.get(address).status_code == 200


def test_first_of_two_reviews_does_not_approve(staff: User, make_prediction: Make) -> None:
    unsure, sure = make_prediction("42").flag("7"), make_prediction("43").flag("8")
    Prediction.objects.filter(text="43").update(confidence=0.999)
    staff.user_permissions.add(Permission.objects.get(codename="review_corrections"))
    told = said(act(user_client(staff), CORRECTIONS, "approve", unsure, sure))
    assert told == ["1 approved.", "1 more contradicts a very sure network: a second reviewer must approve it."]
    assert [correction.state for correction in Correction.objects.order_by("id")] == ["approved", "pending"]


def test_earlier_reviews_do_not_change(admin: Client, staff: User, make_prediction: Make) -> None:
    correction = make_prediction().flag("7")
    correction.reject(by=staff)
    path = f"{CORRECTIONS}?state=all"
    assert said(act(admin, path, "approve", correction))[0] == "0 approved."
    correction.refresh_from_db()
    assert (correction.state, correction.reviewed_by) == ("rejected", staff)


def test_view_permission_does_not_allow_review(staff: User, make_prediction: Make) -> None:
    correction = make_prediction().flag("7777777")
    staff.user_permissions.add(Permission.objects.get(codename="view_correction"))
    client = user_client(staff)
    assert "7777777" in page(client, CORRECTIONS)
    act(client, CORRECTIONS, "approve", correction)
    correction.refresh_from_db()
    assert correction.state == "pending"


def test_versions_show_their_metrics_and_which_one_serves(admin: Client, version: ModelVersion) -> None:
    ModelVersion.objects.create(
        name="idle",
        litert_sha256="b",
        card={"metrics": {"test_accuracy": 0.9968, "test_errors": 32}, "network": {"parameters": 262307}},
    )
    shown = page(admin, VERSIONS)
    for fact in ("99.68 %", "32", "262,307", "50.00 %"):
        assert fact in shown
    assert admin.get(f"{VERSIONS}{version.pk}/change/").status_code == 200
    assert admin.get(f"{VERSIONS}add/").status_code == 403
    assert admin.get(f"{VERSIONS}{version.pk}/delete/").status_code == 403


def test_an_administrator_promotes_a_version(admin: Client, superuser: User) -> None:
    first = ModelVersion.objects.serving()
    assert first is not None
    twin = ModelVersion.objects.create(
        name="twin",
        litert_file=first.litert_file.name,
        litert_sha256=first.litert_sha256,
        keras_sha256="other",
    )
    assert said(act(admin, VERSIONS, "promote", twin)) == ["twin is now the current version."]
    assert ModelVersion.objects.serving() == twin
    assert twin.promotions.get().promoted_by == superuser
    act(admin, VERSIONS, "promote", first)
    assert ModelVersion.objects.serving() == first


def test_a_version_that_cannot_be_loaded_is_not_promoted(admin: Client, version: ModelVersion) -> None:
    broken = ModelVersion.objects.create(name="broken", litert_file="x", litert_sha256="b")
    (message,) = said(act(admin, VERSIONS, "promote", broken))
    assert message.startswith("Not promoted: the file of version broken is missing")
    assert ModelVersion.objects.serving() == version


def test_admin_promotes_exactly_one_version(admin: Client, version: ModelVersion) -> None:
    other = ModelVersion.objects.create(name="other", litert_sha256="b")
    before = version.promotions.count()
    act(admin, VERSIONS, "promote", version, other)
    assert version.promotions.count() == before
    assert ModelVersion.objects.serving() == version


def test_staff_without_the_permission_promote_nothing(staff: User, version: ModelVersion) -> None:
    staff.user_permissions.add(Permission.objects.get(codename="view_modelversion"))
    act(user_client(staff), VERSIONS, "promote", version)
    assert version.promotions.count() == 1


def test_admin_can_view_and_revoke_keys_but_not_create(admin: Client, user: User) -> None:
    row, token = Key.objects.issue(user, "scanner")
    path = reverse("admin:keys_key_changelist")
    shown = page(admin, path)
    assert user.username in shown
    assert "scanner" in shown
    for text in (shown, page(admin, f"{path}{row.pk}/change/")):
        assert f"{token[:15]}…" in text
        assert token not in text
    assert admin.get(f"{path}add/").status_code == 403
    admin.post(f"{path}{row.pk}/delete/", {"post": "yes"})
    assert not Key.objects.exists()


def test_admin_pages_have_no_inline_script(admin: Client, make_prediction: Make) -> None:
    correction = make_prediction().flag("7")
    for path in (
        "/admin/",
        PREDICTIONS,
        f"{PREDICTIONS}{correction.prediction_id}/change/",
        CORRECTIONS,
        f"{CORRECTIONS}{correction.pk}/change/",
        VERSIONS,
    ):
        assert "<script>" not in page(admin, path)


def test_text_that_looks_like_markup_is_shown_as_text(admin: Client, make_prediction: Make) -> None:
    owner = User.objects.create(username="<b>bold</b>")
    make_prediction(owner=owner)
    assert "<b>bold" not in page(admin, PREDICTIONS)


def test_correction_of_a_visitor_has_no_author(admin: Client, make_prediction: Make) -> None:
    make_prediction(visitor=uuid.uuid4()).flag("7")
    assert Correction.objects.get().flagged_by is None
    assert page(admin, CORRECTIONS)

"""The permission matrix: who may do what, for every URL. A URL without a row fails."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from batches.models import Batch
from core.models import AuditEntry, Event
from keys.models import Key, Scope
from recognizer.models import ModelVersion, Prediction
from tests.batches.zips import zip_of
from tests.factories import grant, user_client, visitor_client
from tests.fakes import FakeReader
from training.models import TrainingRun

Make = Callable[..., Prediction]

pytestmark = pytest.mark.django_db

ACTORS = ("stranger", "visitor", "visiting owner", "owner", "user", "staff", "reviewer", "superuser")
REVIEWS = ("view_prediction", "review_corrections")


@dataclass(frozen=True)
class Row:
    """One kind of request and the status each actor gets, in the order of ACTORS.

    {prediction} in the path is a prediction of the actor where the actor owns one, of somebody else otherwise.
    """

    path: str
    expected: str
    method: str = "GET"
    data: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def everybody(status: int) -> str:
    return " ".join([str(status)] * len(ACTORS))


def people(yes: int) -> str:
    """Statuses of a page for logged-in users; others are sent to the log-in page."""
    return f"302 302 302 {yes} {yes} {yes} {yes} {yes}"


def people_of(owner: int, staff: int, superuser: int | None = None, other: int = 404) -> str:
    """Statuses of a page about a batch; others than logged-in users are sent to the log-in page."""
    return f"302 302 302 {owner} {other} {staff} {staff} {superuser or staff}"


def tokens_of(owner: int, staff: int, superuser: int | None = None) -> str:
    """The same for programs, which get 401."""
    return people_of(owner, staff, superuser).replace("302", "401")


def in_admin(staff: int, superuser: int, reviewer: int | None = None) -> str:
    """Statuses of an admin page. A reviewer gets those of staff without permissions, unless given."""
    return f"302 302 302 302 302 {staff} {reviewer or staff} {superuser}"


READS = "404 404 200 200 404 404 200 200"
OPEN = everybody(200)
PICTURE = {"image": "a picture"}
API, PAGE = "/api/v1/predictions/{prediction}/", "/predictions/{prediction}/"

ROWS: dict[str, list[Row]] = {
    "draw": [Row("/", OPEN)],
    "upload": [Row("/upload/", OPEN)],
    "language": [Row("/accounts/language/", everybody(302), "POST", {"language": "de", "next": "/about/"})],
    "script-catalogue": [Row("/texts/de.0.js", OPEN), Row("/texts/xx.0.js", everybody(404))],
    "review": [Row("/review/", "302 302 302 403 403 403 200 200")],
    "review-image": [Row("/review/{recognizer/correction}/image/", "302 302 302 403 403 403 200 200")],
    "review-decide": [
        Row("/review/{recognizer/correction}/", "302 302 302 403 403 403 302 302", "POST", {"decision": "approve"}),
        Row("/review/{recognizer/correction}/", everybody(405)),
    ],
    "digit-pad": [Row("/digit-pad.js", everybody(302))],
    "shell": [Row("/sheet/de/", OPEN)],
    "manifest": [Row("/manifest/de.webmanifest", OPEN)],
    "service-worker": [Row("/service-worker.js", OPEN)],
    "review-unsure": [Row("/review/unsure/", "302 302 302 403 403 403 200 200")],
    "review-sample": [Row("/review/sample/", "302 302 302 403 403 403 200 200")],
    "review-sample-draw": [
        Row("/review/sample/draw/", "302 302 302 403 403 403 302 302", "POST"),
        Row("/review/sample/draw/", everybody(405)),
    ],
    "review-label": [
        Row("/review/label/{prediction}/", "302 302 302 403 403 403 302 302", "POST", {"text": "7"}),
        Row("/review/label/{prediction}/", everybody(405)),
    ],
    "history": [Row("/history/", OPEN)],
    "history-erase": [
        Row("/history/erase/", OPEN),
        Row("/history/erase/", everybody(302), "POST"),
    ],
    "history-erase-progress": [Row("/history/erase/progress/", OPEN)],
    "history-selected": [
        Row("/history/selected/", everybody(302), "POST", {"action": "delete", "id": "{prediction}"}),
        Row("/history/selected/", OPEN, "POST", {"action": "table"}),
        Row("/history/selected/", everybody(405)),
    ],
    "history-export": [Row("/history/export/", OPEN)],
    "account": [Row("/accounts/", people(200))],
    "account-erase": [
        Row("/accounts/erase/", people(200)),
        Row("/accounts/erase/", people(200), "POST", {"password": "a guess"}),
    ],
    "account-erasing": [Row("/accounts/erasing/forged/", everybody(404))],
    "account-erasing-progress": [Row("/accounts/erasing/forged/progress/", everybody(404))],
    "prediction": [Row(PAGE, READS)],
    "prediction-frames": [Row(f"{PAGE}frames/", READS)],
    "prediction-heat": [Row(f"{PAGE}heat/", READS)],
    "prediction-mask": [Row(f"{PAGE}mask/", READS)],
    "prediction-explanation": [Row(f"{PAGE}explanation/", "404 404 403 403 404 404 200 200")],
    "prediction-flag": [
        Row(f"{PAGE}flag/", "404 404 302 302 404 404 302 302", "POST", {"text": "7"}),
        Row(f"{PAGE}flag/", everybody(405)),
    ],
    "prediction-withdraw": [
        Row(f"{PAGE}withdraw/", "404 404 302 302 404 404 403 302", "POST"),
        Row(f"{PAGE}withdraw/", everybody(405)),
    ],
    "prediction-delete": [
        Row(f"{PAGE}delete/", "404 404 302 302 404 404 403 302", "POST"),
        Row(f"{PAGE}delete/", everybody(405)),
    ],
    "batches": [Row("/batches/", people(200))],
    "batch": [Row("/batches/{batches/batch}/", people_of(200, 404, 200))],
    "batch-picture": [Row("/batches/{batches/batch}/pictures/1/", people_of(200, 404, 200))],
    "batch-cancel": [
        Row("/batches/{batches/batch}/cancel/", "302 302 302 302 404 404 404 302", "POST"),
        Row("/batches/{batches/batch}/cancel/", people(405)),
    ],
    "batch-erase": [
        Row("/batches/{batches/batch}/erase/", "302 302 302 302 404 404 404 302", "POST"),
        Row("/batches/{batches/batch}/erase/", people(405)),
    ],
    "batches-secret": [
        Row("/batches/secret/", people(302), "POST"),
        Row("/batches/secret/", people(405)),
    ],
    "about": [Row("/about/", OPEN)],
    "privacy": [Row("/privacy/", OPEN)],
    "security-txt": [Row("/.well-known/security.txt", everybody(404))],
    "about-mistakes": [Row("/about/mistakes/", OPEN)],
    "api-access": [
        Row("/api-access/", OPEN),
        Row("/api-access/", people(302), "POST", {"name": "a key", "scopes": ["read"]}),
        Row("/api-access/", people(400), "POST", {"name": "a key"}),
    ],
    "publishable-key": [
        Row("/api-access/publishable/", people(302), "POST", {"name": "a", "origins": "https://a.example", "limit": 9}),
        Row("/api-access/publishable/", people(400), "POST", {"name": "a"}),
        Row("/api-access/publishable/", everybody(405)),
    ],
    "key": [
        Row("/api-access/keys/{keys/key}/", people_of(200, 404)),
        Row("/api-access/keys/{keys/key}/", people_of(302, 404), "POST", {"name": "a key", "scopes": ["read"]}),
    ],
    "key-renew": [
        Row("/api-access/keys/{keys/key}/renew/", people_of(302, 404), "POST"),
        Row("/api-access/keys/{keys/key}/renew/", people(405)),
    ],
    "key-revoke": [
        Row("/api-access/keys/{keys/key}/revoke/", people_of(302, 404), "POST"),
        Row("/api-access/keys/{keys/key}/revoke/", people(405)),
    ],
    "account_login": [Row("/accounts/login/", "200 200 200 302 302 302 302 302")],
    "account_logout": [
        Row("/accounts/logout/", everybody(302), "POST"),
        Row("/accounts/logout/", everybody(405)),
    ],
    "account_inactive": [Row("/accounts/inactive/", OPEN)],
    "account_signup": [Row("/accounts/signup/", "200 200 200 302 302 302 302 302")],
    "account_reset_password": [Row("/accounts/password/reset/", OPEN)],
    "account_reset_password_done": [Row("/accounts/password/reset/sent/", OPEN)],
    "account_reset_password_from_key": [Row("/accounts/password/reset/key/1-none/", OPEN)],
    "account_reset_password_from_key_done": [Row("/accounts/password/reset/done/", OPEN)],
    "account_email": [Row("/accounts/email/", people(200))],
    "account_confirm_email": [Row("/accounts/email/confirm/none/", OPEN)],
    "mfa_index": [Row("/accounts/mfa/", people(200))],
    "mfa_authenticate": [Row("/accounts/mfa/authenticate/", everybody(302))],
    "mfa_reauthenticate": [Row("/accounts/mfa/reauthenticate/", everybody(302))],
    "mfa_activate_totp": [Row("/accounts/mfa/totp/activate/", people(200))],
    "mfa_deactivate_totp": [Row("/accounts/mfa/totp/deactivate/", people(404))],
    "mfa_view_recovery_codes": [Row("/accounts/mfa/recovery-codes/", people(404))],
    "mfa_generate_recovery_codes": [Row("/accounts/mfa/recovery-codes/generate/", people(200))],
    "mfa_download_recovery_codes": [Row("/accounts/mfa/recovery-codes/download/", people(404))],
    "mfa_list_webauthn": [Row("/accounts/mfa/webauthn/", people(200))],
    "mfa_add_webauthn": [Row("/accounts/mfa/webauthn/add/", people(200))],
    "mfa_reauthenticate_webauthn": [Row("/accounts/mfa/webauthn/reauthenticate/", everybody(302))],
    "mfa_remove_webauthn": [Row("/accounts/mfa/webauthn/keys/{mfa/authenticator}/remove/", people_of(200, 404))],
    "mfa_edit_webauthn": [Row("/accounts/mfa/webauthn/keys/{mfa/authenticator}/edit/", people_of(200, 404))],
    "mfa_login_webauthn": [Row("/accounts/mfa/webauthn/login/", "200 200 200 302 302 302 302 302")],
    "account_reauthenticate": [Row("/accounts/reauthenticate/", people(200))],
    "usersessions_list": [Row("/accounts/sessions/", people(200)), Row("/accounts/sessions/", people(302), "POST")],
    "session-end": [
        Row("/accounts/sessions/{usersessions/usersession}/end/", people_of(302, 404), "POST"),
        Row("/accounts/sessions/{usersessions/usersession}/end/", people(405)),
    ],
    "account_change_password": [Row("/accounts/password/", people(200))],
    "dashboard": [Row("/dashboard/", "302 302 302 302 302 200 200 200")],
    "retrain": [Row("/dashboard/retrain/", "302 302 302 302 302 403 403 302", "POST")],
    "promote": [Row("/dashboard/promote/", "302 302 302 302 302 403 403 404", "POST", {"version": "none"})],
    "training-run": [Row("/dashboard/runs/{training/trainingrun}/", "302 302 302 302 302 200 200 200")],
    "training-run-progress": [
        Row("/dashboard/runs/{training/trainingrun}/progress/", "302 302 302 302 302 200 200 200")
    ],
    "training-run-cancel": [
        Row("/dashboard/runs/{training/trainingrun}/cancel/", "302 302 302 302 302 403 403 302", "POST")
    ],
    "healthz": [Row("/healthz", OPEN)],
    "readyz": [Row("/readyz", OPEN)],
    "metrics": [Row("/metrics", OPEN)],
    "api:predictions-list": [
        Row("/api/v1/predictions/", OPEN),
        Row("/api/v1/predictions/", everybody(201), "POST", PICTURE),
    ],
    "api:predictions-preview": [
        Row("/api/v1/predictions/preview/", OPEN, "POST", PICTURE),
        Row("/api/v1/predictions/preview/", everybody(405)),
    ],
    "api:predictions-detail": [
        Row(API, READS),
        Row(API, "404 404 204 204 404 404 403 204", "DELETE"),
        Row(API, everybody(405), "PUT"),
        Row(API, everybody(405), "PATCH"),
    ],
    "api:predictions-image": [
        Row(f"{API}image/", READS),
        Row(f"{API}image/?size=thumb", READS),
    ],
    "api:predictions-crop": [
        Row(f"{API}crop/", "404 404 201 201 404 404 403 403", "POST", {"box": [0, 0, 9, 9]}),
        Row(f"{API}crop/", everybody(405)),
    ],
    "api:predictions-flag": [
        Row(f"{API}flag/", "404 404 201 201 404 404 201 201", "POST", {"text": "7"}),
        Row(f"{API}flag/", "404 404 204 204 404 404 403 204", "DELETE"),
        Row(f"{API}flag/", everybody(405)),
    ],
    "api-batches:batches-list": [
        Row("/api/v1/batches/", "401 401 401 200 200 200 200 200"),
        Row("/api/v1/batches/", "401 401 401 202 202 202 202 202", "POST", {"archive": "a zip"}),
        Row("/api/v1/batches/", "401 401 401 405 405 405 405 405", "PUT"),
    ],
    "api-batches:batches-detail": [
        Row("/api/v1/batches/{batches/batch}/", tokens_of(200, 404, 200)),
        Row("/api/v1/batches/{batches/batch}/", tokens_of(204, 404, 204), "DELETE"),
        Row("/api/v1/batches/{batches/batch}/", "401 401 401 405 405 405 405 405", "PATCH"),
    ],
    "api-batches:batches-results": [
        Row("/api/v1/batches/{batches/batch}/results/", tokens_of(200, 404, 200)),
        Row("/api/v1/batches/{batches/batch}/results/?as=csv", tokens_of(200, 404, 200)),
    ],
    "api-batches:batches-cancel": [
        Row("/api/v1/batches/{batches/batch}/cancel/", tokens_of(200, 404, 200), "POST"),
        Row("/api/v1/batches/{batches/batch}/cancel/", "401 401 401 405 405 405 405 405"),
    ],
    "api:models-list": [
        Row("/api/v1/models/", OPEN),
        Row("/api/v1/models/", everybody(405), "POST"),
    ],
    "api:schema": [Row("/api/v1/schema/", OPEN)],
    "api:docs": [Row("/api/v1/docs/", OPEN)],
    "api-not-found": [Row("/api/v1/nowhere/", everybody(404))],
    "admin:index": [Row("/admin/", in_admin(200, 200))],
    "admin:login": [Row("/admin/login/", "302 302 302 403 403 302 302 302")],
    "admin:logout": [Row("/admin/logout/", everybody(302), "POST")],
    "admin:password_change": [Row("/admin/password_change/", in_admin(302, 302))],
    "admin:password_change_done": [Row("/admin/password_change/done/", in_admin(200, 200))],
    "admin:autocomplete": [Row("/admin/autocomplete/", in_admin(403, 403))],
    "admin:jsi18n": [Row("/admin/jsi18n/", in_admin(200, 200))],
    "admin:view_on_site": [Row("/admin/r/1/1/", in_admin(404, 404))],
    "admin:app_list": [Row("/admin/recognizer/", in_admin(404, 200, reviewer=200))],
    "admin:auth_user_password_change": [Row("/admin/auth/user/{user}/password/", in_admin(403, 200))],
    "admin:(?P<url>.*)$": [Row("/admin/nowhere/", in_admin(404, 404))],
}

ADMIN_MODELS: dict[str, dict[str, str]] = {
    # Statuses of a superuser and of a reviewer with view permission; other staff get 403, others the log-in page.
    "recognizer/prediction": {"add": "403", "delete": "200", "reviewer": "200"},
    "recognizer/correction": {"add": "403", "delete": "200", "reviewer": "200"},
    "recognizer/modelversion": {"add": "403", "delete": "403"},
    "training/trainingrun": {"add": "403", "delete": "403"},
    "batches/batch": {"add": "403", "delete": "200"},
    "keys/key": {"add": "403", "delete": "200"},
    "core/auditentry": {"add": "403", "delete": "403"},
    "auth/user": {"add": "200", "delete": "200"},
    "auth/group": {"add": "200", "delete": "200"},
}
for model, answers in ADMIN_MODELS.items():
    looks = in_admin(403, 200, int(answers.get("reviewer", 403)))
    start, name = f"/admin/{model}/", f"admin:{model.replace('/', '_')}"
    row = f"{start}{{{model}}}/"
    ROWS[f"{name}_changelist"] = [Row(start, looks)]
    ROWS[f"{name}_add"] = [Row(f"{start}add/", in_admin(403, int(answers["add"])))]
    ROWS[f"{name}_change"] = [Row(f"{row}change/", looks)]
    ROWS[f"{name}_history"] = [Row(f"{row}history/", looks)]
    ROWS[f"{name}_delete"] = [Row(f"{row}delete/", in_admin(403, int(answers["delete"])))]
    ROWS[f"{name} <path:object_id>/"] = [Row(row, in_admin(302, 302))]


def addresses(patterns: Any = None, space: str = "", before: str = "") -> Iterator[str]:
    """Yield the name of every URL of the site, or its route if it has no name."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from addresses(pattern.url_patterns, inner, route)
        else:
            assert isinstance(pattern, URLPattern)
            yield space + (pattern.name or route.removeprefix("admin/"))


def test_permission_matrix_has_every_url() -> None:
    listed = {key for key in ROWS if " <path:object_id>/" not in key} | {
        f"admin:{model}/<path:object_id>/" for model in ADMIN_MODELS
    }
    assert set(addresses()) == listed


def session_of(user: User) -> UserSession:
    """Return a session of a user in another browser."""
    return UserSession.objects.get_or_create(
        session_key=user_client(user).session.session_key, defaults={"user": user, "ip": "192.0.2.1"}
    )[0]


def passkey_of(user: User) -> Authenticator:
    return Authenticator.objects.get_or_create(
        user=user, type=Authenticator.Type.WEBAUTHN, defaults={"data": {"name": "Passkey"}}
    )[0]


def batch_of(user: User) -> Batch:
    """Return a batch of a user with a refused picture."""
    batch = Batch.objects.create(owner=user, total=1, source="api")
    batch.items.create(number=1, name="a.png", code="not_a_number", picture=b"a small JPEG")
    return batch


def client_of(actor: str, visitor: uuid.UUID, users: dict[str, User]) -> Client:
    match actor:
        case "stranger":
            return Client()
        case "visitor":
            return visitor_client(uuid.uuid4())
        case "visiting owner":
            return visitor_client(visitor)
    return user_client(users[actor])


@pytest.fixture
def reviewer(db: None) -> User:
    reviewer = User.objects.create_user("reviewer", password="a long pass phrase", is_staff=True)
    reviewer.user_permissions.set(Permission.objects.filter(codename__in=REVIEWS))
    return reviewer


@pytest.mark.parametrize("row", [row for rows in ROWS.values() for row in rows], ids=str)
def test_permission_matrix_holds_for_every_url_and_role(
    row: Row,
    reader: FakeReader,
    picture: bytes,
    make_prediction: Make,
    user: User,
    other_user: User,
    staff: User,
    reviewer: User,
    superuser: User,
    version: ModelVersion,
) -> None:
    users = {"owner": user, "user": other_user, "staff": staff, "reviewer": reviewer, "superuser": superuser}
    visitor = uuid.uuid4()
    got: dict[str, list[int]] = {}
    for actor in ACTORS:
        owners: list[dict[str, Any]] = [{"visitor": visitor}, {"owner": user}]
        if actor == "visiting owner":
            owners.pop(1)
        if actor == "owner":
            owners.pop(0)
        sent = {"image": picture, "archive": zip_of({"a.png": picture})}
        for owner in owners:
            Batch.objects.all().delete()
            prediction = make_prediction(**owner)
            path = row.path.format(
                **{
                    "prediction": prediction.pk,
                    "user": other_user.pk,
                    "recognizer/prediction": prediction.pk,
                    "recognizer/correction": prediction.flag("7").pk,
                    "recognizer/modelversion": version.pk,
                    # Batches belong to the owner, whoever asks.
                    "batches/batch": batch_of(user).pk,
                    "training/trainingrun": TrainingRun.objects.get_or_create()[0].pk,
                    "keys/key": Key.objects.filter(user=user).delete() and Key.objects.issue(user)[0].pk,
                    "core/auditentry": AuditEntry.objects.create(event=Event.PROMOTED).pk,
                    "auth/user": other_user.pk,
                    "mfa/authenticator": passkey_of(user).pk if "{mfa/authenticator}" in row.path else None,
                    "usersessions/usersession": session_of(user).pk,
                    "auth/group": Group.objects.get_or_create(name="group")[0].pk,
                }
            )
            data = {
                name: SimpleUploadedFile("a", sent[name]) if name in sent else value for name, value in row.data.items()
            }
            client = client_of(actor, visitor, users)
            response = getattr(client, row.method.lower())(path, data or None)
            response.getvalue()  # a file that is sent is closed at its end
            got.setdefault(actor, []).append(response.status_code)
    expected = dict(zip(ACTORS, map(int, row.expected.split()), strict=True))
    assert {actor: set(statuses) for actor, statuses in got.items()} == {
        actor: {status} for actor, status in expected.items()
    }


def test_visitor_cannot_claim_a_session_by_its_name(client: Client, make_prediction: Make) -> None:
    theirs = make_prediction()
    client.cookies["visitor"] = str(theirs.visitor)
    assert client.get(f"/api/v1/predictions/{theirs.pk}/?visitor={theirs.visitor}").status_code == 404


BATCHES = "/api/v1/batches/"


def test_staff_without_permissions_reach_only_their_own(make_prediction: Make, user: User, staff: User) -> None:
    make_prediction(owner=user)
    Batch.objects.create(owner=user, total=1, source="api", webhook="https://example.com/secret")
    client = user_client(staff)
    assert client.get("/api/v1/predictions/").json()["results"] == client.get(BATCHES).json()["results"] == []


def test_view_permission_allows_no_flag_or_delete(make_prediction: Make, staff: User) -> None:
    client = user_client(grant(staff, "view_prediction"))
    theirs = make_prediction(visitor=uuid.uuid4())
    page = client.get(f"/predictions/{theirs.pk}/").content.decode()
    assert "/flag/" not in page
    assert "/delete/" not in page
    assert client.post(f"/predictions/{theirs.pk}/flag/", {"text": "7"}).status_code == 403
    assert client.post(f"/api/v1/predictions/{theirs.pk}/flag/", {"text": "7"}).status_code == 403
    assert client.delete(f"/api/v1/predictions/{theirs.pk}/").status_code == 403
    assert not theirs.corrections.exists()


def test_staff_key_needs_scope_others_for_others_rows(make_prediction: Make, user: User, superuser: User) -> None:
    theirs = make_prediction(owner=user)
    batch = Batch.objects.create(owner=user, total=1, source="api")
    own = [scope.value for scope in Scope if scope != Scope.OTHERS]
    for scopes, found in ((None, 404), (own, 404), ([*own, "others"], 200)):
        token = Key.objects.issue(superuser, **{} if scopes is None else {"scopes": scopes})[1]
        client = Client(headers={"Authorization": f"Bearer {token}"})
        assert client.get(f"/api/v1/predictions/{theirs.pk}/").status_code == found
        assert client.get(f"{BATCHES}{batch.pk}/").status_code == found
        lists = client.get("/api/v1/predictions/"), client.get(BATCHES)
        assert [len(answer.json()["results"]) for answer in lists] == ([0, 0] if found == 404 else [1, 1])


@pytest.mark.parametrize("is_staff", [True, False])
def test_the_scope_for_others_is_offered_to_staff(user: User, staff: User, is_staff: bool) -> None:
    client = user_client(staff if is_staff else user)
    assert ('value="others"' in client.get("/api-access/").content.decode()) == is_staff
    made = client.post("/api-access/", {"name": "a key", "scopes": ["read", "others"], "days": ""})
    assert made.status_code == (302 if is_staff else 400)


def test_run_shows_pictures_only_with_view_permission(staff: User, make_prediction: Make) -> None:
    made = make_prediction(visitor=uuid.uuid4())
    differ = [{"prediction": made.pk, "before": "42", "after": "47"}]
    run = TrainingRun.objects.create(differences={"read": 1, "differ": differ})
    page, progress = f"/dashboard/runs/{run.pk}/", f"/dashboard/runs/{run.pk}/progress/"
    client = user_client(staff)
    assert f"/predictions/{made.pk}/" not in client.get(page).content.decode()
    assert "differences" not in client.get(progress).json()["run"]
    client = user_client(grant(staff, "view_prediction"))
    assert f"/predictions/{made.pk}/" in client.get(page).content.decode()
    assert "differences" in client.get(progress).json()["run"]


def test_a_publishable_key_previews_and_does_nothing_else(
    reader: FakeReader, picture: bytes, make_prediction: Make, user: User
) -> None:
    mine = make_prediction(owner=user)
    token = Key.objects.issue(user, origins=["https://shop.example"])[1]
    client = Client(headers={"Authorization": f"Bearer {token}", "Origin": "https://shop.example"})
    api = [row for name, rows in ROWS.items() if name.startswith("api") and ":" in name for row in rows]
    for row in api:
        if row.path in ("/api/v1/schema/", "/api/v1/docs/"):
            continue
        path = row.path.format(**{"prediction": mine.pk, "batches/batch": 1})
        data = row.data | ({"image": SimpleUploadedFile("a", picture)} if "image" in row.data else {})
        got = getattr(client, row.method.lower())(path, data or None).status_code
        if "preview" in path and row.method == "POST":
            assert got == int(row.expected.split()[0]), str(row)
        else:
            assert got in (401, 403, 405), str(row)


def test_a_token_sees_what_its_user_sees(make_prediction: Make, user: User, other_user: User) -> None:
    mine, theirs = make_prediction(owner=user), make_prediction(owner=other_user)
    token = Key.objects.issue(user)[1]
    client = Client(headers={"Authorization": f"Token {token}"})
    assert client.get(f"/api/v1/predictions/{mine.pk}/").status_code == 200
    assert client.get(f"/api/v1/predictions/{theirs.pk}/").status_code == 404
    assert client.get(f"/api/v1/predictions/{theirs.pk}/image/").status_code == 404

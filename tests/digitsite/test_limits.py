import json
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from digitsite.limits import MAX_PASSWORDS, FewPasswords
from recognizer import admission

pytestmark = pytest.mark.django_db


def answer(path: str, content_type: str, method: str = "GET") -> tuple[str, bytes]:
    """Call the site's WSGI application."""
    from digitsite.wsgi import application

    environ = RequestFactory()._base_environ(
        PATH_INFO=path, QUERY_STRING="x=1", REQUEST_METHOD=method, CONTENT_TYPE=content_type
    )
    statuses: list[str] = []
    body = b"".join(application(environ, lambda status, headers: statuses.append(status)))
    return statuses[0], body


@pytest.mark.parametrize("path", ["/healthz", "/admin/login/", "/api/v1/models/"])
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain; charset=zlib",
        "application/json; charset=hex",
        "application/json; charset=undefined",
        "application/json; charset=nonsense",
        "multipart/form-data; boundary=x; charset=utf-16",
        "text/plain; x*=nonsense''a",
        "text/plain; charset",
        "text/plain; charset=\x00",
    ],
)
def test_invalid_content_type_is_refused(path: str, content_type: str) -> None:
    status, body = answer(path, content_type)
    assert status.startswith("415 ")
    assert json.loads(body)["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/plain; charset=UTF-8", 'text/plain; charset="latin1"', ";;;"],
)
def test_valid_content_types_pass(content_type: str) -> None:
    assert answer("/healthz", content_type)[0] == "200 OK"


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/v1/predictions/", "application/json"), ("/admin/login/", "text/plain")]
)
def test_body_declaring_too_large_a_length_is_refused(client: Client, path: str, kind: str) -> None:
    response = client.generic("POST", path, b"", content_type="text/plain", CONTENT_LENGTH=str(2**40))
    assert response.status_code == 413
    assert response["Content-Type"].startswith(kind)


@pytest.mark.parametrize("length", ["", "-1", "many", "1e9"])
def test_invalid_length_counts_as_no_length(client: Client, length: str) -> None:
    options: dict[str, Any] = {"content_type": "application/json", "CONTENT_LENGTH": length}
    assert client.generic("POST", "/api/v1/predictions/", b"", **options).status_code in (400, 415)


def test_passwords_of_many_addresses_leave_threads_free() -> None:
    begun: list[int] = []
    statuses: list[int] = []

    def post(number: int, **fields: str) -> HttpResponse:
        return limit(RequestFactory(REMOTE_ADDR=f"2001:db8:{number:x}::1").post("/accounts/login/", fields))

    def view(request: HttpRequest) -> HttpResponse:
        # Another address calls while one password is checked.
        if len(begun) < MAX_PASSWORDS:
            begun.append(len(begun) + 1)
            answer = post(begun[-1], password="a guess")
            statuses.append(answer.status_code)
            assert answer.get("Retry-After") == ("5" if answer.status_code == 503 else None)
        return HttpResponse()

    limit = FewPasswords(view)
    limit.admission = admission.Admission(100, 0)
    assert post(0, password="a guess").status_code == 200
    assert statuses == [503] + [200] * (MAX_PASSWORDS - 1)
    assert post(0, password="a guess").status_code == 200


def test_passwords_of_one_address_are_checked_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "TIMEOUT", 0.05)
    at_once: list[str] = []

    def post(address: str, **fields: str) -> HttpResponse:
        return limit(RequestFactory(REMOTE_ADDR=address).post("/accounts/login/", fields))

    def view(request: HttpRequest) -> HttpResponse:
        # Others call while one password is checked.
        if "outer" in request.POST:
            for address, fields in (
                ("2001:db8::2", {"password": "a guess"}),
                ("2001:db8::2", {"text": "7"}),
                ("192.0.2.1", {"new_password1": "a phrase"}),
            ):
                answer = post(address, **fields)
                at_once.append(f"{answer.status_code} {answer.get('Retry-After', '')}".strip())
        return HttpResponse()

    limit = FewPasswords(view)
    limit.admission = admission.Admission(4, 0)
    assert post("2001:db8::1", outer="", password="a guess").status_code == 200
    assert at_once == ["503 5", "200", "200"]

from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone

ADDRESS = "/.well-known/security.txt"


def test_security_txt_names_the_contacts_of_the_settings(client: Client, settings: Any) -> None:
    settings.SECURITY_CONTACT = ["mailto:security@digits.example", "https://digits.example/report"]
    answer = client.get(ADDRESS)
    lines = [line.split(": ", 1) for line in answer.content.decode().splitlines()]
    assert [value for name, value in lines if name == "Contact"] == settings.SECURITY_CONTACT
    fields = dict(lines)
    expires = datetime.fromisoformat(fields["Expires"])
    assert 0 < (expires - timezone.now()).days < 365
    assert fields["Canonical"] == f"http://testserver{ADDRESS}"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"


def test_security_txt_without_a_contact_returns_404(client: Client) -> None:
    assert client.get(ADDRESS).status_code == 404

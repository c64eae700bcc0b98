import pytest


@pytest.fixture(autouse=True)
def mail_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send mail within the request, so that tests see it."""
    monkeypatch.setattr("accounts.mail.in_background", lambda work, *arguments: work(*arguments))

import pytest


@pytest.fixture(autouse=True)
def mail_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do about mail what there is to do within the request, so that a test sees it."""
    monkeypatch.setattr("accounts.mail.in_background", lambda work, *arguments: work(*arguments))

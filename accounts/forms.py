"""Forms to create, enter, change and delete an account."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.forms import (
    AddEmailForm,
    LoginForm,
    ReauthenticateForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SignupForm,
)
from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as MFAReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy

from keys.models import Key

from . import mail
from .sessions import REMEMBER

HARD_TO_GUESS = gettext_lazy("At least 12 characters, and nothing easy to guess.")


class EraseAccountForm(forms.Form):
    """A password, to confirm an action."""

    password = forms.CharField(
        label=gettext_lazy("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, user: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user = user

    def clean_password(self) -> str:
        """Check the password, and count a wrong one against the limit of log-ins."""
        password = str(self.cleaned_data["password"])
        adapter = get_account_adapter()
        if not adapter.reauthenticate(self.user, password):
            raise adapter.validation_error("incorrect_password")
        return password


class LogInForm(LoginForm):
    """Log-in: name, password, and whether to stay logged in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["login"], gettext("Username"))
        describe(self.fields["password"], gettext("Password"))
        describe(
            self.fields["remember"],
            gettext("Stay logged in for 90 days"),
            gettext("Otherwise 14 days after your last visit."),
        )

    def login(self, request: HttpRequest, redirect_url: Any = None) -> HttpResponse:
        response: HttpResponse = super().login(request, redirect_url)
        request.session[REMEMBER] = self.cleaned_data["remember"]
        return response


class ProveForm(ReauthenticateForm):
    """The password, asked for again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["password"], gettext("Your password"))


class SignUpForm(SignupForm):
    """Sign-up: name, password, and an optional mail address for resets."""

    field_order = ["username", "password1", "password2", "email"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["username"], gettext("Username"), gettext("Letters, digits and @ . + - _"))
        describe(
            self.fields["email"],
            gettext("Email address (optional)"),
            gettext("For a link if you forget your password."),
        )
        describe(self.fields["password1"], gettext("Password"), HARD_TO_GUESS)
        describe(self.fields["password2"], gettext("Repeat password"))


class CodeForm(AuthenticateForm):
    """A code as the second factor of a log-in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["code"], gettext("Code"))


class CodeAgainForm(MFAReauthenticateForm):
    """A code that confirms a logged-in user."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["code"], gettext("Code"))


class AddAppForm(ActivateTOTPForm):
    """The first code of a new authenticator app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["code"], gettext("The code it shows"))


@contextmanager
def refusing_invalid_passkeys() -> Iterator[None]:
    """Refuse an invalid passkey. The library expects what browsers send, and raises many kinds of errors otherwise."""
    try:
        yield
    except (forms.ValidationError, DatabaseError):
        raise
    except Exception as error:
        raise get_adapter().validation_error("incorrect_code") from error


class CredentialField(forms.JSONField):
    """A browser's answer about a passkey."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        with refusing_invalid_passkeys():
            return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Do not render the credential back into the page."""
        return None


class AddPasskeyForm(AddWebAuthnForm):
    """A new passkey."""

    credential = CredentialField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["name"], gettext("Name"), gettext("So that you recognise it."))
        describe(
            self.fields["passwordless"], gettext("Log in with it alone"), gettext("Without username and password.")
        )
        self.initial["passwordless"] = True

    def clean(self) -> Any:
        with refusing_invalid_passkeys():
            return super().clean()


class PasskeyForm(AuthenticateWebAuthnForm):
    """A passkey as the second factor of a log-in."""

    credential = CredentialField()

    def clean_credential(self) -> Any:
        with refusing_invalid_passkeys():
            return super().clean_credential()


class PasskeyAgainForm(ReauthenticateWebAuthnForm):
    """A passkey that confirms a logged-in user."""

    credential = CredentialField()

    def clean_credential(self) -> Any:
        with refusing_invalid_passkeys():
            return super().clean_credential()


class PasskeyAloneForm(LoginWebAuthnForm):
    """Log-in by passkey, without name and password."""

    credential = CredentialField()

    def clean_credential(self) -> Any:
        with refusing_invalid_passkeys():
            return super().clean_credential()


class NewPassword(forms.Form):
    """A new password; for users with keys also whether to revoke them."""

    revoke_keys = forms.BooleanField(required=False)

    user: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not Key.objects.filter(user=self.user).exists():
            del self.fields["revoke_keys"]
        else:
            describe(
                self.fields["revoke_keys"],
                gettext("Revoke all my API keys"),
                gettext("If somebody else knew your password."),
            )
        describe(self.fields["password1"], gettext("New password"), HARD_TO_GUESS)
        describe(self.fields["password2"], gettext("Repeat new password"))

    def save(self) -> None:
        with transaction.atomic():
            super().save()  # type: ignore[misc]  # of the other base class
            if self.cleaned_data.get("revoke_keys"):
                Key.objects.filter(user=self.user).delete()


class ChangePasswordForm(NewPassword, AllauthChangePasswordForm):
    """Change of password, with the old one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["oldpassword"], gettext("Current password"))


class LostPasswordForm(NewPassword, ResetPasswordKeyForm):
    """Reset of a lost password."""


class AskForLinkForm(ResetPasswordForm):
    """A mail address to send a reset link to, if an account has it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["email"], gettext("Your email address"))

    def clean_email(self) -> str:
        """Look up no account yet, so that neither the answer nor its timing shows whether there is one."""
        return str(self.cleaned_data["email"]).lower()

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        mail.in_background(self._send, request)
        return str(self.cleaned_data["email"])

    def _send(self, request: HttpRequest) -> None:
        super().clean_email()
        super().save(request)


class AddressForm(AddEmailForm):
    """The mail address for password resets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["email"], gettext("Email address"))


def describe(field: forms.Field, label: str, rule: Any = "") -> None:
    """Set a field's help text in one line; errors say which rule was broken."""
    field.label, field.help_text = label, rule
    field.widget.attrs.pop("placeholder", None)

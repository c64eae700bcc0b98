"""What people write into the site's own forms. Filters have a module of their own, shared with the API."""

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm, UserCreationForm

from .models import LONGEST_TEXT, NUMBER


class FlagForm(forms.Form):
    """The right number for a prediction; empty for "no number here"."""

    # An empty text comes from the button that says so, so the field itself asks the browser for one.
    text = forms.CharField(
        label="The right number",
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "off", "required": True, "aria-keyshortcuts": "N"}
        ),
    )

    def clean_text(self) -> str:
        # One line for each line of the picture, however they were set apart.
        text = "\n".join(self.cleaned_data["text"].split())
        if text:
            NUMBER(text)
        return text


HARD_TO_GUESS = "At least 8 characters, and nothing easy to guess."


class EraseAccountForm(forms.Form):
    """The password, as a word that its owner means it."""

    password = forms.CharField(
        label="Your password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, *args: Any, user: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user = user

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password


class SignUpForm(UserCreationForm):
    """A name and a password; nothing else is asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["username"], "Username", "Letters, digits and @ . + - _")
        describe(self.fields["password1"], "Password", HARD_TO_GUESS)
        describe(self.fields["password2"], "The same password again")


class ChangePasswordForm(PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        describe(self.fields["old_password"], "Your password until now")
        describe(self.fields["new_password1"], "Your new password", HARD_TO_GUESS)
        describe(self.fields["new_password2"], "The new password again")


def describe(field: forms.Field, label: str, rule: str = "") -> None:
    """Say what a field wants in a line; what breaks a rule is told which one."""
    field.label, field.help_text = label, rule

"""What people write into the site's own forms. Filters have a module of their own, shared with the API."""

from django import forms
from django.contrib.auth.forms import UserCreationForm

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


class SignUpForm(UserCreationForm):
    """A name and a password; nothing else is asked for."""

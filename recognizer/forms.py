"""Forms of the pages. Filters are in filters.py, which the API shares."""

from django import forms
from django.utils.translation import gettext_lazy

from .models import MAX_TEXT_LENGTH, NUMBER


class FlagForm(forms.Form):
    """The right number for a prediction; empty for "no number here"."""

    # "No number here" is a button of its own that sends an empty text; the browser requires text for the other.
    text = forms.CharField(
        label=gettext_lazy("The right number"),
        required=False,
        max_length=MAX_TEXT_LENGTH,
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "off", "required": True, "aria-keyshortcuts": "E"}
        ),
    )

    def clean_text(self) -> str:
        # One line of text for each line of the picture, whatever whitespace separates them.
        text = "\n".join(self.cleaned_data["text"].split())
        if text:
            NUMBER(text)
        return text

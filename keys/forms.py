"""What people say of their keys."""

from typing import Any

from django import forms

from .models import MOST_CALLS, Key, Lifetime, Scope


class ChangeKeyForm(forms.ModelForm):
    """A key's name, what it may do and how often."""

    scopes = forms.MultipleChoiceField(
        label="May",
        choices=[(scope.value, f"{scope.value}: {scope.label}") for scope in Scope],
        initial=Scope.values,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Key
        fields = ["name", "scopes", "limit"]
        labels = {"limit": "Calls a minute"}
        help_texts = {
            "name": "Which program or machine will use it.",
            "limit": "Fewer than yours, if it should have fewer.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        self.fields["limit"].widget.attrs |= {"min": 1, "max": MOST_CALLS, "placeholder": "no fewer"}


class MakeKeyForm(ChangeKeyForm):
    """The same, and how long it lives."""

    class Meta(ChangeKeyForm.Meta):
        fields = ["name", "scopes", "days", "limit"]
        labels = ChangeKeyForm.Meta.labels | {"days": "Expires"}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["days"].initial = Lifetime.QUARTER


class RenewForm(forms.Form):
    """When the old token ends once there is a new one."""

    old = forms.ChoiceField(label="The old one ends", choices=[("now", "at once"), ("later", "in a day")])

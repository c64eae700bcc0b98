"""The filters of history and API list: an allow-list, checked as a form."""

from django import forms

from .models import PredictionQuerySet, Source


class PredictionFilter(forms.Form):
    """Narrow down predictions. Fields that are not here do not exist."""

    source = forms.ChoiceField(required=False, choices=[("", "any source"), *Source.choices])
    flagged = forms.ChoiceField(
        required=False, choices=[("", "flagged or not"), ("true", "flagged"), ("false", "not flagged")]
    )
    digit = forms.ChoiceField(required=False, choices=[("", "any digit"), *((str(d), str(d)) for d in range(10))])
    date_from = forms.DateField(required=False, label="from", widget=forms.DateInput(attrs={"type": "date"}))
    date_to = forms.DateField(required=False, label="to", widget=forms.DateInput(attrs={"type": "date"}))

    def apply(self, predictions: PredictionQuerySet) -> PredictionQuerySet:
        """Filter by what was asked for; call after `is_valid()`."""
        asked = self.cleaned_data
        if asked["source"]:
            predictions = predictions.from_source(asked["source"])
        if asked["flagged"]:
            predictions = predictions.flagged(asked["flagged"] == "true")
        if asked["digit"]:
            predictions = predictions.containing_digit(asked["digit"])
        if asked["date_from"]:
            predictions = predictions.since(asked["date_from"])
        if asked["date_to"]:
            predictions = predictions.until(asked["date_to"])
        return predictions

    @property
    def is_narrow(self) -> bool:
        return any(self.cleaned_data.values())

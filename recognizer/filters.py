"""The filters of the history page and of the API's list."""

import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext, gettext_lazy
from django_filters import CharFilter, ChoiceFilter, DateFilter, FilterSet, NumberFilter
from drf_spectacular.utils import extend_schema_field

from .models import MAX_TEXT_LENGTH, PredictionQuerySet, Source

DAY = forms.DateInput(attrs={"type": "date"})
DIGITS = r"^[0-9]+(\s+[0-9]+)*$"
SHARE = forms.NumberInput(attrs={"step": 0.01})


class DayField(forms.DateField):
    """A day, or a time with its time zone."""

    def to_python(self, value: Any) -> datetime.date | None:
        if not isinstance(value, str) or ":" not in value:
            return super().to_python(value)
        try:
            moment = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        if moment.tzinfo is None:
            raise ValidationError(gettext("Add a time zone, such as Z or +02:00."), code="invalid")
        return moment


class DayFilter(DateFilter):
    field_class = DayField


class PeriodForm(forms.Form):
    def clean(self) -> dict[str, Any]:
        first, last = self.cleaned_data.get("date_from"), self.cleaned_data.get("date_to")
        # A time and a day cannot be compared; the list is just empty then.
        if first and last and type(first) is type(last) and first > last:
            self.add_error("date_from", gettext("The first day is after the last."))
        return self.cleaned_data


class PredictionFilter(FilterSet):
    """Filter predictions by these fields only. Days are days in `zone`."""

    zone: datetime.tzinfo = datetime.UTC

    class Meta:
        form = PeriodForm

    text = CharFilter(
        label=gettext_lazy("Number"),
        help_text=gettext_lazy("Digits that the reading or its correction contains, with a space between two lines."),
        method="filter_text",
        max_length=MAX_TEXT_LENGTH,
        validators=[RegexValidator(DIGITS, gettext_lazy("Write digits only."))],
        widget=forms.TextInput(attrs={"inputmode": "numeric", "type": "search", "autocomplete": "off"}),
    )
    sure = ChoiceFilter(
        label=gettext_lazy("Sureness"),
        empty_label=gettext_lazy("sure or not"),
        choices=[("true", gettext_lazy("sure")), ("false", gettext_lazy("unsure"))],
        method="filter_sure",
    )
    source = ChoiceFilter(
        label=gettext_lazy("Source"),
        help_text=gettext_lazy("how the picture was sent"),
        empty_label=gettext_lazy("any source"),
        choices=Source.choices,
    )
    flagged = ChoiceFilter(
        label=gettext_lazy("Corrected"),
        empty_label=gettext_lazy("corrected or not"),
        choices=[("true", gettext_lazy("corrected")), ("false", gettext_lazy("not corrected"))],
        method="filter_flagged",
    )
    min_confidence = NumberFilter(
        label=gettext_lazy("Confidence from"),
        help_text=gettext_lazy("From 0 to 1."),
        method="filter_min_confidence",
        min_value=0,
        max_value=1,
        widget=SHARE,
    )
    max_confidence = NumberFilter(
        label=gettext_lazy("Confidence to"),
        help_text=gettext_lazy("From 0 to 1."),
        method="filter_max_confidence",
        min_value=0,
        max_value=1,
        widget=SHARE,
    )
    batch = NumberFilter(
        label=gettext_lazy("Batch"),
        help_text=gettext_lazy("The id of a batch that the picture came in."),
        method="filter_batch",
        min_value=1,
        max_value=2**63 - 1,
        decimal_places=0,
        widget=forms.NumberInput(attrs={"step": 1}),
    )
    digit = ChoiceFilter(
        label=gettext_lazy("Digit"),
        empty_label=gettext_lazy("any digit"),
        choices=[(str(d), str(d)) for d in range(10)],
        method="filter_digit",
    )
    date_from = DayFilter(
        label=gettext_lazy("from"),
        help_text=gettext_lazy("Stored on this day (UTC) or later, or at this time (with its zone) or later."),
        method="filter_since",
        widget=DAY,
    )
    date_to = DayFilter(
        label=gettext_lazy("to"),
        help_text=gettext_lazy("Stored on this day (UTC) or earlier, or at this time (with its zone) or earlier."),
        method="filter_until",
        widget=DAY,
    )

    @extend_schema_field({"type": "string", "pattern": DIGITS, "minLength": 1, "maxLength": MAX_TEXT_LENGTH})
    def filter_text(self, predictions: PredictionQuerySet, name: str, value: str) -> PredictionQuerySet:
        return predictions.saying("\n".join(value.split()))

    @extend_schema_field({"type": "boolean", "description": "Predictions that can be relied on, or those that cannot."})
    def filter_sure(self, predictions: PredictionQuerySet, name: str, value: str) -> PredictionQuerySet:
        return predictions.sure(value == "true")

    @extend_schema_field({"type": "number", "minimum": 0, "maximum": 1})
    def filter_min_confidence(self, predictions: PredictionQuerySet, name: str, value: Any) -> PredictionQuerySet:
        return predictions.filter(confidence__gte=float(value))

    @extend_schema_field({"type": "number", "minimum": 0, "maximum": 1})
    def filter_max_confidence(self, predictions: PredictionQuerySet, name: str, value: Any) -> PredictionQuerySet:
        return predictions.filter(confidence__lte=float(value))

    @extend_schema_field({"type": "integer", "minimum": 1, "maximum": 2**63 - 1})
    def filter_batch(self, predictions: PredictionQuerySet, name: str, value: Any) -> PredictionQuerySet:
        return predictions.of_batch(int(value))

    @extend_schema_field({"type": "boolean", "description": "Predictions with a correction, or those without."})
    def filter_flagged(self, predictions: PredictionQuerySet, name: str, value: str) -> PredictionQuerySet:
        return predictions.flagged(value == "true")

    @extend_schema_field(
        {"type": "integer", "enum": list(range(10)), "description": "Predictions that contain this digit."}
    )
    def filter_digit(self, predictions: PredictionQuerySet, name: str, value: str) -> PredictionQuerySet:
        return predictions.containing_digit(value)

    def filter_since(self, predictions: PredictionQuerySet, name: str, value: datetime.date) -> PredictionQuerySet:
        return predictions.since(value, self.zone)

    def filter_until(self, predictions: PredictionQuerySet, name: str, value: datetime.date) -> PredictionQuerySet:
        return predictions.until(value, self.zone)

    @property
    def is_narrow(self) -> bool:
        chosen = self.form.cleaned_data if self.is_bound and self.is_valid() else {}
        return any(value not in (None, "") for name, value in chosen.items() if name != "sort")


class HistoryFilter(PredictionFilter):
    """The filters of the history page. Adds sorting, and leaves out batch predictions unless a batch is chosen."""

    SHOWN = ("text", "sure", "sort")

    sort = ChoiceFilter(
        label=gettext_lazy("Sort"),
        empty_label=gettext_lazy("newest first"),
        choices=[("confidence", gettext_lazy("least sure first"))],
        method="keep_all",
    )

    def keep_all(self, predictions: PredictionQuerySet, name: str, value: str) -> PredictionQuerySet:
        return predictions

    def filter_queryset(self, queryset: PredictionQuerySet) -> PredictionQuerySet:
        found: PredictionQuerySet = super().filter_queryset(queryset)
        return found if self.is_narrow else found.outside_batches()

    @property
    def least_sure_first(self) -> bool:
        return bool(self.is_bound and self.is_valid() and self.form.cleaned_data["sort"])

    @property
    def shown(self) -> list[forms.BoundField]:
        return [self.form[name] for name in self.SHOWN]

    @property
    def more(self) -> list[forms.BoundField]:
        """The fields behind "More filters"."""
        return [field for field in self.form if field.name not in self.SHOWN]

    @property
    def more_open(self) -> bool:
        return any(field.errors or field.value() for field in self.more)

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from recognizer.models import LONGEST_TEXT, NUMBER, Correction, ModelVersion, Prediction, Source

from .errors import UnknownField


class CorrectionSerializer(serializers.ModelSerializer[Correction]):
    class Meta:
        model = Correction
        fields = ["text", "state", "created_at"]
        read_only_fields = ["state", "created_at"]


class FlagSerializer(serializers.Serializer[Any]):
    """A claim: the right number, or an empty text for "no number here"."""

    text = serializers.CharField(
        allow_blank=True,
        max_length=LONGEST_TEXT,
        validators=[RegexValidator(r"^\s*([0-9]+(\s+[0-9]+)*)?\s*$", NUMBER.message)],
    )

    def validate_text(self, text: str) -> str:
        return "\n".join(text.split())

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - {*self.fields, "csrfmiddlewaretoken"} if isinstance(data, dict) else set()
        if unknown:
            raise UnknownField(unknown)
        # A number would be taken for its digits.
        if isinstance(data, dict) and not isinstance(data.get("text", ""), str):
            raise serializers.ValidationError({"text": ["Not a valid string."]})
        return super().to_internal_value(data)


class DigitSerializer(serializers.Serializer[Any]):
    label = serializers.IntegerField(min_value=0, max_value=9)  # type: ignore[assignment]  # shadows an option
    confidence = serializers.FloatField()
    box = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=4,
        max_length=4,
        help_text="x, y, width, height in pixels",
    )
    probabilities = serializers.ListField(child=serializers.FloatField(), min_length=10, max_length=10)
    line = serializers.IntegerField(help_text="number of the line, from 0")


class PredictionSerializer(serializers.ModelSerializer[Prediction]):
    """A stored reading."""

    digits = DigitSerializer(many=True, read_only=True)
    model_version: serializers.SlugRelatedField[ModelVersion] = serializers.SlugRelatedField(
        slug_field="name", read_only=True
    )
    image = serializers.SerializerMethodField()
    created_at = serializers.SerializerMethodField()
    correction = serializers.SerializerMethodField()

    class Meta:
        model = Prediction
        fields = [
            "id",
            "text",
            "confidence",
            "digits",
            "source",
            "model_version",
            "image",
            "created_at",
            "correction",
        ]
        read_only_fields = fields

    def to_representation(self, prediction: Prediction) -> dict[str, Any]:
        """Write down what the fields say: to ask each of them costs more than to read a digit."""
        return {
            "id": prediction.pk,
            "text": prediction.text,
            "confidence": prediction.confidence,
            "digits": prediction.digits,
            "source": prediction.source,
            "model_version": prediction.model_version.name,
            "image": self.get_image(prediction),
            "created_at": self.get_created_at(prediction),
            "correction": self.get_correction(prediction),
        }

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_image(self, prediction: Prediction) -> str | None:
        if prediction.pk is None:
            return None
        return reverse("api:predictions-image", args=[prediction.pk], request=self.context.get("request"))

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_created_at(self, prediction: Prediction) -> str | None:
        return None if prediction.pk is None else prediction.created_at.isoformat()

    @extend_schema_field(CorrectionSerializer(allow_null=True))
    def get_correction(self, prediction: Prediction) -> dict[str, Any] | None:
        correction = prediction.correction
        return None if correction is None else dict(CorrectionSerializer(correction).data)


class PreviewSerializer(PredictionSerializer):
    """A reading that was not stored: null for what only a stored one has."""

    id = serializers.IntegerField(allow_null=True, read_only=True)


KINDS = "image/png, image/jpeg, image/webp"
PINNED = "name of the version to read with, one that /api/v1/models/ lists; without it, the one that serves"


@extend_schema_field(OpenApiTypes.BINARY)
class Upload(serializers.FileField):
    """A file in a form."""


class PictureSerializer(serializers.Serializer[Any]):
    """What POST takes, as multipart."""

    image = Upload(help_text="PNG, JPEG or WebP, at most 10 MB and 25 megapixels")
    source = serializers.ChoiceField(choices=Source.sent(), default=Source.API)  # type: ignore[assignment]
    model_version = serializers.CharField(required=False, help_text=PINNED)


@extend_schema_field({"type": "string", "format": "data-url", "pattern": "^data:image/(png|jpeg|webp);base64,"})
class DataUrlField(serializers.CharField):
    pass


class DataUrlSerializer(serializers.Serializer[Any]):
    """What POST takes, as JSON."""

    image = DataUrlField(help_text="data:image/png;base64,…")
    source = serializers.ChoiceField(choices=Source.sent(), default=Source.API)  # type: ignore[assignment]
    model_version = serializers.CharField(required=False, help_text=PINNED)


class ErrorSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField(required=False, help_text="a sentence for people; `invalid` names fields instead")
    code = serializers.CharField(help_text="a word for programs")


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    serving = serializers.BooleanField(source="serves")
    test_accuracy = serializers.FloatField(allow_null=True)

    class Meta:
        model = ModelVersion
        fields = ["name", "serving", "test_accuracy", "created_at"]

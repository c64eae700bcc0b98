from typing import Any

from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.reverse import reverse

from recognizer.models import MAX_TEXT_LENGTH, NUMBER, Correction, ModelVersion, Prediction, Source
from recognizer.reading import SURE_FROM, Kind

from .codes import Code
from .errors import BadPicture, UnknownField
from .fields import DataUrlField, PictureField, VersionField


class CorrectionSerializer(serializers.ModelSerializer[Correction]):
    class Meta:
        model = Correction
        fields = ["text", "state", "created_at"]
        read_only_fields = ["state", "created_at"]


class StrictSerializer(serializers.Serializer[Any]):
    """Refuse unknown fields."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - {*self.fields, "csrfmiddlewaretoken"} if isinstance(data, dict) else set()
        if unknown:
            raise UnknownField(unknown)
        return super().to_internal_value(data)


class FlagSerializer(StrictSerializer):
    """A correction: the right number, or an empty text for "no number here"."""

    text = serializers.CharField(
        allow_blank=True,
        max_length=MAX_TEXT_LENGTH,
        validators=[RegexValidator(r"^\s*([0-9]+(\s+[0-9]+)*)?\s*$", NUMBER.message)],
    )

    def validate_text(self, text: str) -> str:
        return "\n".join(text.split())

    def to_internal_value(self, data: Any) -> Any:
        # CharField would accept a JSON number.
        if isinstance(data, dict) and not isinstance(data.get("text", ""), str):
            raise serializers.ValidationError({"text": [gettext("Not a valid string.")]})
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


class IgnoredSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=[(kind.value, kind.value) for kind in Kind])
    box = serializers.ListField(
        child=serializers.IntegerField(),
        min_length=4,
        max_length=4,
        help_text="x, y, width, height in pixels",
    )


SURE = f"whether the text can be relied on: the confidence is at least {SURE_FROM}"


class PredictionSerializer(serializers.ModelSerializer[Prediction]):
    """A stored reading."""

    sure = serializers.BooleanField(read_only=True, help_text=SURE)
    digits = DigitSerializer(many=True, read_only=True)
    ignored = IgnoredSerializer(many=True, read_only=True, help_text="marks in the picture that were not read")
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
            "sure",
            "digits",
            "ignored",
            "source",
            "model_version",
            "image",
            "filename",
            "created_at",
            "correction",
        ]
        read_only_fields = fields

    def to_representation(self, prediction: Prediction) -> dict[str, Any]:
        """Return the fields as a dict. Running each field's own code would take longer than reading a digit."""
        return {
            "id": prediction.pk,
            "text": prediction.text,
            "confidence": prediction.confidence,
            "sure": prediction.sure,
            "digits": prediction.digits,
            "ignored": prediction.ignored,
            "source": prediction.source,
            "model_version": prediction.model_version.name,
            "image": self.get_image(prediction),
            "filename": prediction.filename,
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
    """A reading that was not stored. `id`, `image` and `created_at` are null."""

    id = serializers.IntegerField(allow_null=True, read_only=True)


PICTURES = (
    "PNG, JPEG, WebP, GIF (its first frame), BMP, AVIF, HEIC, or a TIFF or PDF of one page; "
    "at most 10 MB and 25 megapixels"
)


class PictureSerializer(StrictSerializer):
    """Fields of a POST, as multipart."""

    image = PictureField(help_text=PICTURES)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # shadows an option
        choices=Source.sent(),
        default=Source.API,
        error_messages={
            "invalid_choice": format_lazy("{} {}.", gettext_lazy("Choose one of:"), ", ".join(Source.sent()))
        },
    )
    model_version = VersionField()

    def run_validation(self, data: Any = empty) -> Any:
        if not isinstance(data, dict):
            raise BadPicture(gettext('Send an object: {"image": "data:image/png;base64,…"}.'), Code.PARSE_ERROR)
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, QueryDict):
            if len(data.getlist("image")) > 1:
                raise BadPicture(gettext("Send one image at a time."), Code.UNKNOWN_FIELD)
            # REST framework treats an empty form field as missing.
            data = data.dict()
        return super().to_internal_value(data)


class DataUrlSerializer(PictureSerializer):
    """Fields of a POST, as JSON."""

    image = DataUrlField(help_text="data:image/png;base64,…")


class CropSerializer(StrictSerializer):
    """A part of a stored picture. The context's "size" is the picture's width and height."""

    box = serializers.ListField(
        child=serializers.IntegerField(min_value=0),
        min_length=4,
        max_length=4,
        help_text="x, y, width, height in pixels, inside the picture",
    )
    turn = serializers.ChoiceField(choices=[0, 90, 180, 270], default=0, help_text="degrees clockwise")

    def validate_box(self, box: list[int]) -> list[int]:
        x, y, width, height = box
        page_width, page_height = self.context["size"]
        if not (width and height and x + width <= page_width and y + height <= page_height):
            raise serializers.ValidationError(
                gettext("Give a box inside the picture: %(width)d x %(height)d pixels.")
                % {"width": page_width, "height": page_height}
            )
        return box


class ImageQuerySerializer(serializers.Serializer[Any]):
    """Query parameters of an image."""

    size = serializers.ChoiceField(
        choices=["thumb"],
        required=False,
        help_text="`thumb`: at most 320 pixels wide or high",
        error_messages={"invalid_choice": format_lazy("{} {}.", gettext_lazy("Choose one of:"), "thumb")},
    )


class ErrorSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField(
        required=False, help_text="A sentence for people. Missing with the code `invalid`, which names fields instead."
    )
    code = serializers.CharField(help_text="A word for programs.")


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    serving = serializers.BooleanField(source="serves")
    test_accuracy = serializers.FloatField(allow_null=True)

    class Meta:
        model = ModelVersion
        fields = ["name", "serving", "test_accuracy", "created_at"]

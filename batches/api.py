"""The REST API of batches. Users send and see their own; staff see those that their permissions allow."""

from copy import copy
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files import File
from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django.utils.datastructures import MultiValueDict
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy
from drf_spectacular.utils import (
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import exceptions, mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.fields import empty
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from keys.models import Scope
from recognizer.api.authentication import UserTokenAuthentication, VisitorSessionAuthentication
from recognizer.api.codes import Code
from recognizer.api.errors import BadPicture, RequestTooLarge
from recognizer.api.fields import KINDS, LEFT_OUT, FormFile, VersionField
from recognizer.api.idempotency import PARAMETER, idempotency_key
from recognizer.api.pagination import NewestFirst
from recognizer.api.parsers import SmallJSON
from recognizer.api.permissions import ScopeOfKey
from recognizer.api.schema import BY_ID
from recognizer.api.serializers import SURE, DigitSerializer, ErrorSerializer, IgnoredSerializer, StrictSerializer
from recognizer.identity import identity_of
from recognizer.models import ModelVersion, Source

from .archives import BadArchive
from .intake import TooManyBatches, check_room, start_batch
from .lifecycle import erase_batch, stop_batch
from .models import MAX_ADDRESS_LENGTH, Batch, BatchQuerySet, Item
from .results import csv_lines, json_lines
from .uploads import BrokenOff, NoRoom, spooled
from .webhooks import check_address

TOO_MUCH = (Code.TOO_LARGE, Code.TOO_MANY_IMAGES, Code.UNPACKS_TOO_LARGE)


class SessionByHeader(VisitorSessionAuthentication):
    """Session authentication that reads the CSRF token from the header: a form field is known after the upload only."""

    def enforce_csrf(self, request: Any) -> None:
        without_form: Any = copy(getattr(request, "_request", request))
        without_form._post, without_form._files = QueryDict(), MultiValueDict()
        super().enforce_csrf(without_form)


class TooManyUnfinished(exceptions.APIException):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = Code.TOO_MANY_BATCHES


class TooManyAtOnce(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = gettext_lazy("The site is receiving too many batches. Try again in a moment.")
    default_code = Code.OVERLOADED


class BatchSerializer(serializers.ModelSerializer[Batch]):
    words = serializers.CharField(source="in_words", read_only=True, help_text="progress as a sentence for people")
    results = serializers.SerializerMethodField()
    model_version: serializers.SlugRelatedField[ModelVersion] = serializers.SlugRelatedField(
        slug_field="name",
        read_only=True,
        allow_null=True,
        help_text="the version that was asked for; null for the current version",
    )

    class Meta:
        model = Batch
        fields = [
            "id", "name", "state", "words", "total", "read", "refused", "error", "results", "model_version",
            "webhook", "created_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_results(self, batch: Batch) -> str:
        return reverse("api-batches:batches-results", args=[batch.pk], request=self.context.get("request"))


@extend_schema_field(LEFT_OUT | {"format": "uri", "maxLength": MAX_ADDRESS_LENGTH})
class WebhookField(serializers.URLField):
    """A public https:// address; empty for none."""

    def run_validation(self, data: Any = empty) -> Any:
        """Raises BadPicture with code invalid_webhook."""
        if data is empty:
            return super().run_validation(data)
        try:
            if data:
                check_address(data)
        except ValidationError as error:
            sentence = f"{gettext('The webhook must be a public https:// address.')} {error.messages[0]}"
            raise BadPicture(sentence, Code.INVALID_WEBHOOK) from error
        return data


class ManySerializer(StrictSerializer):
    """Fields of a POST, as multipart: a zip, or images."""

    archive = FormFile(required=False, allow_empty_file=True, help_text="a zip of at most 10,000 images and 1 GB")
    images = serializers.ListField(child=FormFile(), required=False, min_length=1)
    model_version = VersionField()
    webhook = WebhookField(
        required=False,
        max_length=MAX_ADDRESS_LENGTH,
        help_text="https:// address that gets a POST when the batch ends",
    )


class ResultsQuerySerializer(serializers.Serializer[Any]):
    """Query parameters of the results."""

    def get_fields(self) -> dict[str, Any]:
        # `from` is a Python keyword.
        kinds = serializers.ChoiceField(
            choices=["jsonl", "csv"],
            default="jsonl",
            help_text="format of the results; default: JSON lines",
            error_messages={"invalid_choice": format_lazy("{} {}.", gettext_lazy("Choose one of:"), "jsonl, csv")},
        )
        return {"as": kinds}


MANY = OpenApiRequest(
    ManySerializer, encoding={"archive": {"contentType": "application/zip"}, "images": {"contentType": KINDS}}
)


class ResultSerializer(serializers.ModelSerializer[Item]):
    """One line of the results."""

    file = serializers.CharField()
    text = serializers.CharField()
    confidence = serializers.FloatField()
    sure = serializers.BooleanField(help_text=SURE)
    digits = DigitSerializer(many=True)
    ignored = IgnoredSerializer(many=True, help_text="marks in the picture that were not read")
    reason = serializers.CharField(allow_null=True, help_text="why there is no reading")
    model_version = serializers.CharField(allow_null=True)

    class Meta:
        model = Item
        fields = [
            "number",
            "file",
            "text",
            "confidence",
            "sure",
            "digits",
            "ignored",
            "reason",
            "prediction",
            "model_version",
        ]


@extend_schema_view(retrieve=BY_ID, destroy=BY_ID, results=BY_ID, cancel=BY_ID)
class BatchViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Batch],
):
    """Many pictures at once: sent as a zip or as files, read by workers, results in the order sent."""

    authentication_classes = [UserTokenAuthentication, SessionByHeader]
    permission_classes = [IsAuthenticated, ScopeOfKey]
    key_scope = Scope.BATCH
    # The form parser is not used: `spooled` writes the body to disk.
    parser_classes = [SmallJSON]
    serializer_class = BatchSerializer
    pagination_class = NewestFirst
    lookup_value_regex = "[0-9]{1,18}"
    queryset = Batch.objects.all()

    @property
    def throttle_scope(self) -> str:
        return "batch" if self.action == "create" else "look"

    def get_queryset(self) -> BatchQuerySet:
        return Batch.objects.visible_to(identity_of(self.request)).select_related("model_version")

    @extend_schema(
        parameters=[PARAMETER],
        request={"multipart/form-data": MANY},
        responses={
            202: BatchSerializer,
            400: OpenApiResponse(
                ErrorSerializer, "invalid zip, unknown version, webhook not public, or malformed form"
            ),
            413: OpenApiResponse(
                ErrorSerializer, "over 1 GB (zipped or unzipped), over 10,000 images, or over the storage quota"
            ),
            415: OpenApiResponse(ErrorSerializer, "not multipart"),
            422: OpenApiResponse(
                ErrorSerializer, "this Idempotency-Key was used for another batch, version or webhook"
            ),
            429: OpenApiResponse(ErrorSerializer, "too many calls, or too many unfinished batches"),
        },
    )
    def create(self, request: Request) -> Response:
        """Send many pictures, to be read in the background."""
        posted = request._request
        if posted.content_type != "multipart/form-data":
            raise exceptions.UnsupportedMediaType(posted.content_type or "")
        source = source_of(request)
        batch = receive_batch(posted, request.user, idempotency_key(request), source)
        answer = self.get_serializer(batch).data
        where = request.build_absolute_uri(f"{batch.pk}/")
        return Response(answer, status.HTTP_202_ACCEPTED, headers={"Location": where})

    @extend_schema(
        parameters=[ResultsQuerySerializer],
        responses={(200, "application/x-ndjson"): ResultSerializer, (200, "text/csv"): str},
    )
    @action(detail=True, methods=["get"])
    def results(self, request: Request, pk: str) -> StreamingHttpResponse:
        """Get a line for each picture read so far, in the order sent."""
        batch = self.get_object()
        query = ResultsQuerySerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        format_name = query.validated_data["as"]
        items = batch.items.in_order().iterator(chunk_size=500)
        lines, kind = (
            (csv_lines(items), "text/csv") if format_name == "csv" else (json_lines(items), "application/x-ndjson")
        )
        response = StreamingHttpResponse(lines, content_type=f"{kind}; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="batch-{batch.pk}.{format_name}"'
        return response

    @extend_schema(request=None, responses={200: BatchSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop reading; pictures that were read stay. Does nothing to a batch that has ended."""
        stop_batch(self.changeable())
        return Response(self.get_serializer(self.get_object()).data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete a batch with all its predictions."""
        erase_batch(self.changeable())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def changeable(self) -> Batch:
        batch = self.get_object()
        if not batch.may_be_changed_by(identity_of(self.request)):
            raise exceptions.PermissionDenied(gettext("Only the owner may change this batch."))
        return batch


def source_of(request: Request) -> Source:
    """Return where a batch comes from, by what the pages say. Raises PermissionDenied."""
    match request.headers.get("X-Sent-By"):
        case "page":
            return Source.UPLOAD
        case "import":
            identity = identity_of(request)
            if identity is None or not identity.may("recognizer.review_corrections"):
                raise exceptions.PermissionDenied(gettext("Only reviewers may import labelled pictures."))
            return Source.IMPORT
    return Source.API


def receive_batch(request: HttpRequest, owner: Any, key: str, source: Source) -> Batch:
    """Write an upload to disk, check it, and create its batch, once per Idempotency-Key.

    Raises APIException, and KeyReused.
    """
    try:
        # Checked before the body is read, and again, under a lock, when the batch is created.
        check_room(owner, key)
        with spooled(request) as spool:
            # All uploads end up in one zip on disk.
            form = ManySerializer(data={"archive": File(spool.file, spool.name or "images.zip"), **spool.fields})
            form.is_valid(raise_exception=True)
            sent = form.validated_data
            version, webhook = sent.get("model_version"), sent.get("webhook", "")
            return start_batch(owner, spool.file, source, spool.name, version, webhook, key)
    except TooManyBatches as error:
        raise TooManyUnfinished(str(error)) from error
    except NoRoom as error:
        raise TooManyAtOnce() from error
    except BrokenOff as error:
        raise exceptions.ParseError(str(error)) from error
    except BadArchive as error:
        kind = RequestTooLarge if error.code in TOO_MUCH else BadPicture
        raise kind(str(error), error.code) from error

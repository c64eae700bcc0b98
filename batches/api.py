"""Programs' way to batches. Whoever is logged in, or has a token, sends and sees their own; staff see all."""

from copy import copy
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django.utils.datastructures import MultiValueDict
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework import exceptions, mixins, parsers, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from keys.models import Scope
from recognizer.api.authentication import UserTokenAuthentication, VisitorSessionAuthentication, VisitorSessionScheme
from recognizer.api.errors import BadPicture, RequestTooLarge
from recognizer.api.pagination import NewestFirst
from recognizer.api.permissions import ScopeOfKey
from recognizer.api.pictures import version_called
from recognizer.api.schema import BY_ID
from recognizer.api.serializers import KINDS, PINNED, DigitSerializer, ErrorSerializer, Upload
from recognizer.models import ModelVersion, Source

from .archives import BadArchive
from .ending import erase_batch, stop_batch
from .keeping import TooManyBatches, check_room, start_batch
from .models import LONGEST_ADDRESS, Batch, BatchQuerySet, Item
from .results import csv_lines, json_lines
from .uploads import BrokenOff, NoRoom, spooled
from .webhooks import check_address

TOO_MUCH = ("too_large", "too_many_images", "unpacks_too_large")


class SessionByHeader(VisitorSessionAuthentication):
    """A session whose CSRF token comes in the header: in the form it would be found once all of a batch is read."""

    def enforce_csrf(self, request: Any) -> None:
        without_form: Any = copy(getattr(request, "_request", request))
        without_form._post, without_form._files = QueryDict(), MultiValueDict()
        super().enforce_csrf(without_form)


class SessionByHeaderScheme(OpenApiAuthenticationExtension):
    target_class = SessionByHeader
    name = "session_by_header"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return VisitorSessionScheme(SessionByHeader).get_security_definition(auto_schema)


class TooManyUnderWay(exceptions.APIException):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_batches"


class TooManyAtOnce(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Too many batches are coming in at once. Try again in a moment."
    default_code = "overloaded"


class BatchSerializer(serializers.ModelSerializer[Batch]):
    words = serializers.CharField(source="in_words", read_only=True, help_text="how far it is, for people")
    results = serializers.SerializerMethodField()
    model_version: serializers.SlugRelatedField[ModelVersion] = serializers.SlugRelatedField(
        slug_field="name",
        read_only=True,
        allow_null=True,
        help_text="the version asked for, null where whichever serves is to read it",
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


class ManySerializer(serializers.Serializer[Any]):
    """What POST takes, as multipart: a zip, or images."""

    archive = Upload(required=False, help_text="a zip of at most 10,000 images and 1 GB")
    images = serializers.ListField(child=Upload(), required=False, min_length=1)
    model_version = serializers.CharField(required=False, help_text=PINNED)
    webhook = serializers.URLField(
        required=False, max_length=LONGEST_ADDRESS, help_text="https:// address that is told once the batch has ended"
    )


MANY = OpenApiRequest(
    ManySerializer, encoding={"archive": {"contentType": "application/zip"}, "images": {"contentType": KINDS}}
)


class ResultSerializer(serializers.ModelSerializer[Item]):
    """One line of the results."""

    file = serializers.CharField()
    text = serializers.CharField()
    confidence = serializers.FloatField()
    digits = DigitSerializer(many=True)
    reason = serializers.CharField(allow_null=True, help_text="why there is no reading")
    model_version = serializers.CharField(allow_null=True)

    class Meta:
        model = Item
        fields = ["number", "file", "text", "confidence", "digits", "reason", "prediction", "model_version"]


@extend_schema_view(retrieve=BY_ID, destroy=BY_ID, results=BY_ID, cancel=BY_ID)
class BatchViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Batch],
):
    """Many pictures at once: sent as one zip or as files, read by the workers, told in the order they came."""

    authentication_classes = [UserTokenAuthentication, SessionByHeader]
    permission_classes = [IsAuthenticated, ScopeOfKey]
    key_scope = Scope.BATCH
    # A form as such is never read: `spooled` writes it to the disk.
    parser_classes = [parsers.JSONParser]
    serializer_class = BatchSerializer
    pagination_class = NewestFirst
    lookup_value_regex = "[0-9]{1,18}"
    queryset = Batch.objects.all()

    @property
    def throttle_scope(self) -> str:
        return "batch" if self.action == "create" else "look"

    def get_queryset(self) -> BatchQuerySet:
        return Batch.objects.visible_to(self.request.user).select_related("model_version")

    @extend_schema(
        request={"multipart/form-data": MANY},
        responses={
            202: BatchSerializer,
            400: OpenApiResponse(
                ErrorSerializer, "no zip that is read, no such version, no public webhook, or a malformed form"
            ),
            413: OpenApiResponse(ErrorSerializer, "over 1 GB or 10,000 images, packed or unpacked"),
            415: OpenApiResponse(ErrorSerializer, "not multipart"),
            429: OpenApiResponse(ErrorSerializer, "too many calls, or too many batches under way"),
        },
    )
    def create(self, request: Request) -> Response:
        """Take many pictures to be read in the background."""
        posted = request._request
        if posted.content_type != "multipart/form-data":
            raise exceptions.UnsupportedMediaType(posted.content_type or "")
        batch = take_in(posted, request.user)
        answer = self.get_serializer(batch).data
        where = request.build_absolute_uri(f"{batch.pk}/")
        return Response(answer, status.HTTP_202_ACCEPTED, headers={"Location": where})

    @extend_schema(
        parameters=[OpenApiParameter("as", str, enum=["jsonl", "csv"], description="JSON lines unless told otherwise")],
        responses={(200, "application/x-ndjson"): ResultSerializer, (200, "text/csv"): str},
    )
    @action(detail=True, methods=["get"])
    def results(self, request: Request, pk: str) -> StreamingHttpResponse:
        """A line for each picture read so far, in the order they were sent."""
        batch = self.get_object()
        asked = request.query_params.get("as", "jsonl")
        if asked not in ("jsonl", "csv"):
            raise exceptions.ValidationError({"as": ["Choose one of: jsonl, csv."]})
        items = batch.items.in_order().iterator(chunk_size=500)
        lines, kind = (csv_lines(items), "text/csv") if asked == "csv" else (json_lines(items), "application/x-ndjson")
        response = StreamingHttpResponse(lines, content_type=f"{kind}; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="batch-{batch.pk}.{asked}"'
        response["Cache-Control"] = "private, no-store"
        return response

    @extend_schema(request=None, responses={200: BatchSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop reading; what is read stays. A batch that has ended stays as it is."""
        stop_batch(self.changeable())
        return Response(self.get_serializer(self.get_object()).data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Erase a batch with all its predictions."""
        erase_batch(self.changeable())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def changeable(self) -> Batch:
        batch = self.get_object()
        if not batch.may_be_changed_by(self.request.user):
            raise exceptions.PermissionDenied("Only its owner may do this.")
        return batch


def webhook_in(fields: dict[str, str]) -> str:
    """Return the address that is to be told, "" for none. Raises BadPicture with code invalid_webhook."""
    address = fields.get("webhook", "")
    try:
        if address:
            check_address(address)
    except ValidationError as error:
        raise BadPicture(
            f"The webhook is no public https:// address. {error.messages[0]}", "invalid_webhook"
        ) from error
    return address


def take_in(request: HttpRequest, owner: Any) -> Batch:
    """Write what a request sends to the disk, look it through, and start a batch of it. Raises APIException."""
    source = Source.UPLOAD if request.headers.get("X-Sent-By") == "page" else Source.API
    try:
        # Before anything is read; the count that holds is made again where the batch starts.
        check_room(owner)
        with spooled(request) as spool:
            asked = spool.fields.get("model_version")
            version = None if asked is None else version_called(asked)
            webhook = webhook_in(spool.fields)
            return start_batch(owner, spool.file, source, spool.name, version, webhook)
    except TooManyBatches as error:
        raise TooManyUnderWay(str(error)) from error
    except NoRoom as error:
        raise TooManyAtOnce() from error
    except BrokenOff as error:
        raise exceptions.ParseError(str(error)) from error
    except BadArchive as error:
        kind = RequestTooLarge if error.code in TOO_MUCH else BadPicture
        raise kind(str(error), error.code) from error

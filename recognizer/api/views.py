"""Programs' way to the reader. Thin: pictures in, rows out."""

from typing import Any

from django.http import HttpResponse
from django.middleware.csrf import get_token
from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, parsers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from keys.models import Scope
from recognizer.filters import PredictionFilter
from recognizer.models import LONGEST_KEY, ModelVersion, Prediction, PredictionQuerySet
from recognizer.predictions import build_prediction, erase_predictions, read_picture, store_prediction
from recognizer.responses import stored_image
from recognizer.visitors import identity_of

from .pagination import NewestFirst
from .permissions import ScopeOfKey
from .pictures import key_of, picture_in
from .schema import BY_ID
from .serializers import (
    KINDS,
    CorrectionSerializer,
    DataUrlSerializer,
    ErrorSerializer,
    FlagSerializer,
    ModelVersionSerializer,
    PictureSerializer,
    PredictionSerializer,
    PreviewSerializer,
)

PICTURE = {
    "multipart/form-data": OpenApiRequest(PictureSerializer, encoding={"image": {"contentType": KINDS}}),
    "application/json": DataUrlSerializer,
}
REFUSALS: dict[int, Any] = {
    400: OpenApiResponse(ErrorSerializer, "no picture, no ink, no number, no such version, or a malformed request"),
    413: OpenApiResponse(ErrorSerializer, "over 10 MB or 25 megapixels"),
    415: OpenApiResponse(ErrorSerializer, "neither multipart nor JSON"),
}
KEY = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
FILTERS = [
    OpenApiParameter("source", str, enum=["draw", "upload", "api", "import"]),
    OpenApiParameter("flagged", bool),
    OpenApiParameter("digit", int, enum=list(range(10)), description="readings that contain this digit"),
    OpenApiParameter("date_from", {"type": "string", "format": "date"}),
    OpenApiParameter("date_to", {"type": "string", "format": "date"}),
]


@extend_schema_view(retrieve=BY_ID, destroy=BY_ID, image=BY_ID, flag=BY_ID)
class PredictionViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Prediction],
):
    """Readings of the caller: a token's user, a logged-in user, or an anonymous visitor's session. Staff see all."""

    # Anybody may send a picture; whose rows a call can touch is decided by the queryset.
    permission_classes = [AllowAny, ScopeOfKey]
    parser_classes = [parsers.MultiPartParser, parsers.JSONParser]
    serializer_class = PredictionSerializer
    pagination_class = NewestFirst
    lookup_value_regex = "[0-9]{1,18}"
    queryset = Prediction.objects.all()

    @property
    def throttle_scope(self) -> str:
        return {"create": "store", "preview": "preview", "flag": "flag"}.get(self.action or "", "look")

    @property
    def key_scope(self) -> Scope:
        return Scope.READ if self.action in ("list", "retrieve", "image") else Scope.WRITE

    def get_queryset(self) -> PredictionQuerySet:
        predictions = Prediction.objects.visible_to(identity_of(self.request))
        return predictions.with_version().with_correction()

    def filter_queryset(self, queryset: Any) -> Any:
        if self.action != "list":
            return queryset
        asked = PredictionFilter(self.request.query_params)
        unknown = set(self.request.query_params) - {*asked.fields, "cursor", "page_size"}
        if unknown:
            raise ValidationError({min(unknown)[:40]: ["There is no such filter."]})
        if empty := {name for name in asked.fields if self.request.query_params.get(name) == ""}:
            raise ValidationError({name: ["Leave out a filter that asks for nothing."] for name in empty})
        if not asked.is_valid():
            raise ValidationError({name: [str(line) for line in told] for name, told in asked.errors.items()})
        return asked.apply(queryset)

    @extend_schema(parameters=FILTERS)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                KEY,
                OpenApiParameter.HEADER,
                description="a call sent again under its key is kept once",
            )
        ],
        request=PICTURE,
        responses={
            201: PredictionSerializer,
            **REFUSALS,
            422: OpenApiResponse(ErrorSerializer, "another picture, or another version, under this key"),
        },
    )
    def create(self, request: Request) -> Response:
        """Read a picture and keep it."""
        key = key_of(request)
        sent = picture_in(request)
        identity = identity_of(request, create=True)
        assert identity is not None
        if identity.visitor is not None:
            # The next call will carry the session's cookie, and then needs this one too.
            get_token(request._request)
        prediction = store_prediction(sent.image, identity=identity, source=sent.source, key=key, version=sent.version)
        answer = self.get_serializer(prediction).data
        where = request.build_absolute_uri(f"{prediction.pk}/")
        return Response(answer, status.HTTP_201_CREATED, headers={"Location": where})

    @extend_schema(request=PICTURE, responses={200: PreviewSerializer, **REFUSALS})
    @action(detail=False, methods=["post"], serializer_class=PreviewSerializer)
    def preview(self, request: Request) -> Response:
        """Read a picture and keep nothing."""
        sent = picture_in(request)
        reading, version = read_picture(sent.image, sent.version)
        return Response(self.get_serializer(build_prediction(reading, version, sent.source)).data)

    def perform_destroy(self, instance: Prediction) -> None:
        if not instance.may_be_erased_by(identity_of(self.request)):
            raise PermissionDenied("Only its owner may delete this.")
        erase_predictions(Prediction.objects.filter(pk=instance.pk))

    @extend_schema(
        parameters=[OpenApiParameter("size", str, enum=["thumb"], description="at most 320 pixels")],
        responses={(200, "image/png"): bytes, (200, "image/jpeg"): bytes},
    )
    @action(detail=True, methods=["get"])
    def image(self, request: Request, pk: str) -> HttpResponse:
        """The picture as it was read: upright, grey, without metadata."""
        size = request.query_params.get("size")
        if size not in (None, "thumb"):
            raise ValidationError({"size": ["Choose one of: thumb."]})
        return stored_image(self.get_object(), small=size == "thumb")

    # A form is taken too; generated clients cannot tell two kinds of bodies of one shape apart.
    @extend_schema(request={"application/json": FlagSerializer}, responses={201: CorrectionSerializer})
    @action(detail=True, methods=["post"])
    def flag(self, request: Request, pk: str) -> Response:
        """Claim what a reading should have been; an empty text says that there is no number."""
        prediction = self.get_object()
        claim = FlagSerializer(data=request.data)
        claim.is_valid(raise_exception=True)
        by = request.user if request.user.is_authenticated else None
        correction = prediction.flag(claim.validated_data["text"], by)
        return Response(CorrectionSerializer(correction).data, status.HTTP_201_CREATED)


class ModelVersionViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[ModelVersion]):
    """The versions of the network and which one serves."""

    permission_classes = [AllowAny, ScopeOfKey]
    key_scope = None
    serializer_class = ModelVersionSerializer
    queryset = ModelVersion.objects.with_serving()
    throttle_scope = "look"

"""The REST API of predictions and versions."""

from math import ceil
from typing import Any

from django.http import HttpResponse, QueryDict
from django.middleware.csrf import get_token
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiExample, OpenApiRequest, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, parsers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from core.callers import caller_of
from keys.models import Scope
from recognizer.admission import Caller
from recognizer.filters import PredictionFilter
from recognizer.identity import Identity, identity_of, remember_visitor
from recognizer.models import ModelVersion, Prediction, PredictionQuerySet, Source
from recognizer.predictions import build_prediction, erase_prediction, part_of, read_picture, store_prediction
from recognizer.reading import UnreadableImage, pixels_in
from recognizer.responses import stored_image

from .fields import KINDS
from .filtering import StrictFilters
from .idempotency import PARAMETER, idempotency_key
from .pagination import NewestFirst
from .parsers import PictureJSON, SmallJSON
from .permissions import ScopeOfKey
from .schema import BY_ID, ID
from .serializers import (
    CorrectionSerializer,
    CropSerializer,
    DataUrlSerializer,
    ErrorSerializer,
    FlagSerializer,
    ImageQuerySerializer,
    ModelVersionSerializer,
    PictureSerializer,
    PredictionSerializer,
    PreviewSerializer,
)
from .throttling import weigh

A_SEVEN = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABwAAAAcAQAAAABaduI5AAAASElEQVQI12P4////BwZsxD8G9g8MfxiYoaz//4+DiPMg"
    "oh9EzAcR8iDCHkj8AxP1QOIPmACZ8gNE/AQRH0HEZxDxGER8x24lADedYxTROj3GAAAAAElFTkSuQmCC"
)
# The reference offers the first content type, so that a call can be tried with one click.
PICTURE = {
    "application/json": OpenApiRequest(
        DataUrlSerializer, examples=[OpenApiExample("A 7", {"image": A_SEVEN}, request_only=True)]
    ),
    "multipart/form-data": OpenApiRequest(PictureSerializer, encoding={"image": {"contentType": KINDS}}),
}
PIXELS_A_CALL, PIECES_A_CALL = 4_000_000, 300
"""A picture counts as a call for each started block of so many pixels, and of so many pieces of ink."""

REFUSALS: dict[int, Any] = {
    400: OpenApiResponse(
        ErrorSerializer, "not a picture, no writing, not a number, unknown version, or malformed request"
    ),
    413: OpenApiResponse(ErrorSerializer, "over 10 MB or 25 megapixels, or more than may be stored"),
    415: OpenApiResponse(ErrorSerializer, "neither multipart nor JSON"),
}


@extend_schema_view(retrieve=BY_ID, destroy=BY_ID, image=BY_ID, flag=BY_ID, crop=BY_ID)
class PredictionViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Prediction],
):
    """Predictions of the caller: a key's user, a logged-in user, or an anonymous visitor.

    Staff reach other people's predictions if their permissions and the key's scope `others` allow it.
    """

    # Anybody may send a picture; the queryset decides which rows a call can reach.
    permission_classes = [AllowAny, ScopeOfKey]
    parser_classes = [parsers.MultiPartParser, PictureJSON]
    serializer_class = PredictionSerializer
    pagination_class = NewestFirst
    filter_backends = [StrictFilters]
    filterset_class = PredictionFilter
    lookup_value_regex = "[0-9]{1,18}"
    queryset = Prediction.objects.all()

    @property
    def throttle_scope(self) -> str:
        return {"create": "store", "crop": "store", "preview": "preview", "flag": "flag", "withdraw": "flag"}.get(
            self.action or "", "look"
        )

    @property
    def key_scope(self) -> Scope:
        if self.action == "preview":
            return Scope.PREVIEW
        return Scope.READ if self.action in ("list", "retrieve", "image") else Scope.WRITE

    def get_queryset(self) -> PredictionQuerySet:
        predictions = Prediction.objects.visible_to(identity_of(self.request))
        if self.action in ("image", "crop"):
            return predictions
        return predictions.with_version().with_correction()

    @extend_schema(
        parameters=[PARAMETER],
        request=PICTURE,
        responses={
            201: PredictionSerializer,
            **REFUSALS,
            422: OpenApiResponse(ErrorSerializer, "this Idempotency-Key was used for another picture or version"),
        },
    )
    def create(self, request: Request) -> Response:
        """Read a picture and store it."""
        key = idempotency_key(request)
        sent = self.weighed_picture(request)
        known = identity_of(request)
        identity = known or Identity.new_visitor()
        prediction = store_prediction(
            sent["image"],
            identity=identity,
            source=sent["source"],
            key=key,
            version=sent.get("model_version"),
            caller=self.caller(request),
            filename=sent["filename"],
        )
        answer = self.get_serializer(prediction).data
        where = request.build_absolute_uri(f"{prediction.pk}/")
        response = Response(answer, status.HTTP_201_CREATED, headers={"Location": where})
        if known is None:
            remember_visitor(response, identity)
        if identity.visitor is not None:
            # The next call carries the visitor's cookie and so needs the CSRF cookie too.
            get_token(request._request)
        return response

    @extend_schema(request=PICTURE, responses={200: PreviewSerializer, **REFUSALS})
    @action(detail=False, methods=["post"], serializer_class=PreviewSerializer)
    def preview(self, request: Request) -> Response:
        """Read a picture and store nothing."""
        sent = self.weighed_picture(request)
        reading, version = read_picture(sent["image"], sent.get("model_version"), self.caller(request))
        return Response(self.get_serializer(build_prediction(reading, version, sent["source"])).data)

    def caller(self, request: Request) -> Caller:
        """Return the caller. Many pieces of ink count as further calls."""

        def count(pieces: int) -> None:
            weigh(request, self, ceil(pieces / PIECES_A_CALL))

        return Caller(caller_of(request._request), count)

    def weighed_picture(self, request: Request) -> dict[str, Any]:
        """Return the request's validated fields, and count the call by the picture's size. Raises APIException."""
        sent = picture_in(request)
        weigh(request, self, ceil(pixels_in(sent["image"]) / PIXELS_A_CALL))
        return sent

    def perform_destroy(self, instance: Prediction) -> None:
        identity = identity_of(self.request)
        if not instance.may_be_erased_by(identity):
            raise PermissionDenied(gettext("Only the owner may delete this prediction."))
        erase_prediction(instance, identity)

    @extend_schema(
        parameters=[ImageQuerySerializer],
        responses={(200, "image/png"): bytes, (200, "image/jpeg"): bytes, (200, "image/webp"): bytes},
    )
    @action(detail=True, methods=["get"])
    def image(self, request: Request, pk: str) -> HttpResponse:
        """Get the picture as it was read: upright, grey, without metadata."""
        query = ImageQuerySerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        return stored_image(self.get_object(), small=query.validated_data.get("size") == "thumb")

    # Multipart works too, but generated clients cannot handle two content types with one schema.
    @extend_schema(request={"application/json": FlagSerializer}, responses={201: CorrectionSerializer})
    @action(detail=True, methods=["post"], parser_classes=[parsers.MultiPartParser, SmallJSON])
    def flag(self, request: Request, pk: str) -> Response:
        """Correct a reading. An empty text says that there is no number; the same text confirms the reading."""
        prediction = self.get_object()
        if not prediction.may_be_flagged_by(identity_of(request)):
            raise PermissionDenied(gettext("Only the owner may correct this prediction."))
        flag = FlagSerializer(data=request.data)
        flag.is_valid(raise_exception=True)
        by = request.user if request.user.is_authenticated else None
        correction = prediction.flag(flag.validated_data["text"], by)
        return Response(CorrectionSerializer(correction).data, status.HTTP_201_CREATED)

    @extend_schema(
        parameters=[PARAMETER],
        request={"application/json": CropSerializer},
        responses={
            201: PredictionSerializer,
            400: REFUSALS[400],
            422: OpenApiResponse(ErrorSerializer, "this Idempotency-Key was used for another part"),
        },
    )
    @action(detail=True, methods=["post"], parser_classes=[parsers.MultiPartParser, SmallJSON])
    def crop(self, request: Request, pk: str) -> Response:
        """Read a part of a stored picture, and store it as a prediction of its own."""
        key = idempotency_key(request)
        prediction = self.get_object()
        identity = identity_of(request)
        if identity is None or not prediction.belongs_to(identity):
            raise PermissionDenied(gettext("Only the owner may crop this prediction."))
        sent = CropSerializer(data=request.data, context={"size": (prediction.width, prediction.height)})
        sent.is_valid(raise_exception=True)
        box = sent.validated_data["box"]
        # The whole picture is decoded, however small the part is.
        weigh(request, self, ceil(prediction.width * prediction.height / PIXELS_A_CALL))
        try:
            part = part_of(prediction, box, sent.validated_data["turn"], self.caller(request))
        except (FileNotFoundError, UnreadableImage) as error:
            raise NotFound(gettext("The image no longer exists.")) from error
        made = store_prediction(
            part,
            identity=identity,
            source=prediction.source,
            key=key,
            caller=self.caller(request),
            filename=prediction.filename,
        )
        where = request.build_absolute_uri(f"../../{made.pk}/")
        return Response(self.get_serializer(made).data, status.HTTP_201_CREATED, headers={"Location": where})

    @extend_schema(parameters=[ID], request=None, responses={204: None})
    @flag.mapping.delete
    def withdraw(self, request: Request, pk: str) -> Response:
        """Withdraw a correction that is not reviewed yet."""
        prediction = self.get_object()
        if prediction.correction is not None and not prediction.may_be_withdrawn_by(identity_of(request)):
            raise PermissionDenied(gettext("Only the person who made this correction may withdraw it."))
        if not prediction.withdraw():
            raise NotFound(gettext("There is no correction to withdraw."))
        return Response(status=status.HTTP_204_NO_CONTENT)


# Made once: making their fields takes as long as checking them.
_IN_FORM, _IN_JSON = PictureSerializer(), DataUrlSerializer()


def picture_in(request: Request) -> dict[str, Any]:
    """Return a request's validated image, source, file name and, if given, model_version. Raises APIException."""
    data = request.data
    sent = (_IN_FORM if isinstance(data, QueryDict) else _IN_JSON).run_validation(data)
    # The drawing page must set the source.
    drawn = sent["source"] == Source.DRAW
    file = request.FILES.get("image")
    return sent | {"filename": file.name if file is not None and not drawn else ""}


class ModelVersionViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[ModelVersion]):
    """The versions of the network, and which one is current (`serving`)."""

    permission_classes = [AllowAny, ScopeOfKey]
    key_scope = None
    serializer_class = ModelVersionSerializer
    queryset = ModelVersion.objects.with_serving()
    throttle_scope = "look"

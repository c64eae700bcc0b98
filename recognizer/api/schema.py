"""Parts of the OpenAPI schema that many calls share: the id parameter and the error responses."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from .serializers import ErrorSerializer

ID = OpenApiParameter("id", {"type": "integer", "format": "int64", "minimum": 1}, OpenApiParameter.PATH)
BY_ID = extend_schema(parameters=[ID])


class ErrorResponsesAutoSchema(AutoSchema):
    """Add the shared error responses to each call, unless its view describes them itself."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            answers = operation["responses"]
            for status, why in refusals(self.method, operation):
                error = OpenApiResponse(ErrorSerializer, why)
                answers.setdefault(status, self._get_response_for_code(error, status, ["application/json"]))
        return operation

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)
        # Unknown fields are refused.
        return schema | {"additionalProperties": False} if direction == "request" else schema


def refusals(method: str, operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the error statuses of a call, each with its description."""
    params = {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])}
    body = "requestBody" in operation
    if body or any(place == "query" for place, _ in params):
        yield "400", "malformed request; with the code `invalid`, each wrong field is named instead of `detail`"
    yield "401", "missing or invalid token"
    if method in ("GET", "HEAD"):
        yield "403", "the key lacks the scope"
    else:
        yield "403", "the key lacks the scope, the session's CSRF token is missing, or the object is somebody else's"
    if ("path", "id") in params or ("query", "cursor") in params:
        yield "404", "not found, or somebody else's"
    if body:
        yield "413", "too large"
        yield "415", "unsupported Content-Type"
    yield "429", "too many calls; Retry-After says when to try again"
    yield "503", "temporarily unavailable; Retry-After says when to try again"

"""What the schema says of many calls alike: their ids, and what they may be answered besides their success."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from .serializers import ErrorSerializer

ID = OpenApiParameter("id", {"type": "integer", "format": "int64", "minimum": 1}, OpenApiParameter.PATH)
BY_ID = extend_schema(parameters=[ID])


class RefusalsToo(AutoSchema):
    """Adds to each call the errors that it shares with others, where its view does not describe them better."""

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
        # Nothing that is sent is passed over in silence.
        return schema | {"additionalProperties": False} if direction == "request" else schema


def refusals(method: str, operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the statuses with which a call may be refused, and why."""
    asked = {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])}
    body = "requestBody" in operation
    if body or any(place == "query" for place, _ in asked):
        yield "400", "malformed; `invalid` names each wrong field in place of `detail`"
    yield "401", "the token is none, or one is needed"
    if method in ("GET", "HEAD"):
        yield "403", "the key's scopes do not reach so far"
    else:
        yield "403", "the key's scopes do not reach so far, a session's CSRF token is missing, or it is another's"
    if ("path", "id") in asked or ("query", "cursor") in asked:
        yield "404", "nothing there, or nothing of the caller's"
    if body:
        yield "413", "larger than is read"
        yield "415", "of a kind that is not read"
    yield "429", "too many calls; Retry-After says when to come back"
    yield "503", "not just now; Retry-After says when to come back"

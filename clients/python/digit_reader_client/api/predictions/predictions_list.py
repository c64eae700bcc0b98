import datetime
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.error import Error
from ...models.paginated_prediction_list import PaginatedPredictionList
from ...models.predictions_list_digit import PredictionsListDigit
from ...models.predictions_list_source import PredictionsListSource
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    batch: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    date_from: datetime.date | Unset = UNSET,
    date_to: datetime.date | Unset = UNSET,
    digit: PredictionsListDigit | Unset = UNSET,
    flagged: bool | Unset = UNSET,
    max_confidence: float | Unset = UNSET,
    min_confidence: float | Unset = UNSET,
    page_size: int | Unset = 20,
    source: PredictionsListSource | Unset = UNSET,
    sure: bool | Unset = UNSET,
    text: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["batch"] = batch

    params["cursor"] = cursor

    json_date_from: str | Unset = UNSET
    if not isinstance(date_from, Unset):
        json_date_from = date_from.isoformat()
    params["date_from"] = json_date_from

    json_date_to: str | Unset = UNSET
    if not isinstance(date_to, Unset):
        json_date_to = date_to.isoformat()
    params["date_to"] = json_date_to

    json_digit: int | Unset = UNSET
    if not isinstance(digit, Unset):
        json_digit = digit.value

    params["digit"] = json_digit

    params["flagged"] = flagged

    params["max_confidence"] = max_confidence

    params["min_confidence"] = min_confidence

    params["page_size"] = page_size

    json_source: str | Unset = UNSET
    if not isinstance(source, Unset):
        json_source = source.value

    params["source"] = json_source

    params["sure"] = sure

    params["text"] = text

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/predictions/",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Error | PaginatedPredictionList | None:
    if response.status_code == 200:
        response_200 = PaginatedPredictionList.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = Error.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Error.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Error.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Error.from_dict(response.json())

        return response_404

    if response.status_code == 429:
        response_429 = Error.from_dict(response.json())

        return response_429

    if response.status_code == 503:
        response_503 = Error.from_dict(response.json())

        return response_503

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Error | PaginatedPredictionList]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    batch: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    date_from: datetime.date | Unset = UNSET,
    date_to: datetime.date | Unset = UNSET,
    digit: PredictionsListDigit | Unset = UNSET,
    flagged: bool | Unset = UNSET,
    max_confidence: float | Unset = UNSET,
    min_confidence: float | Unset = UNSET,
    page_size: int | Unset = 20,
    source: PredictionsListSource | Unset = UNSET,
    sure: bool | Unset = UNSET,
    text: str | Unset = UNSET,
) -> Response[Error | PaginatedPredictionList]:
    """Predictions of the caller: a key's user, a logged-in user, or an anonymous visitor.

    Staff reach other people's predictions if their permissions and the key's scope `others` allow it.

    Args:
        batch (int | Unset):
        cursor (str | Unset):
        date_from (datetime.date | Unset):
        date_to (datetime.date | Unset):
        digit (PredictionsListDigit | Unset):
        flagged (bool | Unset):
        max_confidence (float | Unset):
        min_confidence (float | Unset):
        page_size (int | Unset):  Default: 20.
        source (PredictionsListSource | Unset):
        sure (bool | Unset):
        text (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | PaginatedPredictionList]
    """

    kwargs = _get_kwargs(
        batch=batch,
        cursor=cursor,
        date_from=date_from,
        date_to=date_to,
        digit=digit,
        flagged=flagged,
        max_confidence=max_confidence,
        min_confidence=min_confidence,
        page_size=page_size,
        source=source,
        sure=sure,
        text=text,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    batch: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    date_from: datetime.date | Unset = UNSET,
    date_to: datetime.date | Unset = UNSET,
    digit: PredictionsListDigit | Unset = UNSET,
    flagged: bool | Unset = UNSET,
    max_confidence: float | Unset = UNSET,
    min_confidence: float | Unset = UNSET,
    page_size: int | Unset = 20,
    source: PredictionsListSource | Unset = UNSET,
    sure: bool | Unset = UNSET,
    text: str | Unset = UNSET,
) -> Error | PaginatedPredictionList | None:
    """Predictions of the caller: a key's user, a logged-in user, or an anonymous visitor.

    Staff reach other people's predictions if their permissions and the key's scope `others` allow it.

    Args:
        batch (int | Unset):
        cursor (str | Unset):
        date_from (datetime.date | Unset):
        date_to (datetime.date | Unset):
        digit (PredictionsListDigit | Unset):
        flagged (bool | Unset):
        max_confidence (float | Unset):
        min_confidence (float | Unset):
        page_size (int | Unset):  Default: 20.
        source (PredictionsListSource | Unset):
        sure (bool | Unset):
        text (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | PaginatedPredictionList
    """

    return sync_detailed(
        client=client,
        batch=batch,
        cursor=cursor,
        date_from=date_from,
        date_to=date_to,
        digit=digit,
        flagged=flagged,
        max_confidence=max_confidence,
        min_confidence=min_confidence,
        page_size=page_size,
        source=source,
        sure=sure,
        text=text,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    batch: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    date_from: datetime.date | Unset = UNSET,
    date_to: datetime.date | Unset = UNSET,
    digit: PredictionsListDigit | Unset = UNSET,
    flagged: bool | Unset = UNSET,
    max_confidence: float | Unset = UNSET,
    min_confidence: float | Unset = UNSET,
    page_size: int | Unset = 20,
    source: PredictionsListSource | Unset = UNSET,
    sure: bool | Unset = UNSET,
    text: str | Unset = UNSET,
) -> Response[Error | PaginatedPredictionList]:
    """Predictions of the caller: a key's user, a logged-in user, or an anonymous visitor.

    Staff reach other people's predictions if their permissions and the key's scope `others` allow it.

    Args:
        batch (int | Unset):
        cursor (str | Unset):
        date_from (datetime.date | Unset):
        date_to (datetime.date | Unset):
        digit (PredictionsListDigit | Unset):
        flagged (bool | Unset):
        max_confidence (float | Unset):
        min_confidence (float | Unset):
        page_size (int | Unset):  Default: 20.
        source (PredictionsListSource | Unset):
        sure (bool | Unset):
        text (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | PaginatedPredictionList]
    """

    kwargs = _get_kwargs(
        batch=batch,
        cursor=cursor,
        date_from=date_from,
        date_to=date_to,
        digit=digit,
        flagged=flagged,
        max_confidence=max_confidence,
        min_confidence=min_confidence,
        page_size=page_size,
        source=source,
        sure=sure,
        text=text,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    batch: int | Unset = UNSET,
    cursor: str | Unset = UNSET,
    date_from: datetime.date | Unset = UNSET,
    date_to: datetime.date | Unset = UNSET,
    digit: PredictionsListDigit | Unset = UNSET,
    flagged: bool | Unset = UNSET,
    max_confidence: float | Unset = UNSET,
    min_confidence: float | Unset = UNSET,
    page_size: int | Unset = 20,
    source: PredictionsListSource | Unset = UNSET,
    sure: bool | Unset = UNSET,
    text: str | Unset = UNSET,
) -> Error | PaginatedPredictionList | None:
    """Predictions of the caller: a key's user, a logged-in user, or an anonymous visitor.

    Staff reach other people's predictions if their permissions and the key's scope `others` allow it.

    Args:
        batch (int | Unset):
        cursor (str | Unset):
        date_from (datetime.date | Unset):
        date_to (datetime.date | Unset):
        digit (PredictionsListDigit | Unset):
        flagged (bool | Unset):
        max_confidence (float | Unset):
        min_confidence (float | Unset):
        page_size (int | Unset):  Default: 20.
        source (PredictionsListSource | Unset):
        sure (bool | Unset):
        text (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | PaginatedPredictionList
    """

    return (
        await asyncio_detailed(
            client=client,
            batch=batch,
            cursor=cursor,
            date_from=date_from,
            date_to=date_to,
            digit=digit,
            flagged=flagged,
            max_confidence=max_confidence,
            min_confidence=min_confidence,
            page_size=page_size,
            source=source,
            sure=sure,
            text=text,
        )
    ).parsed

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.batches_results_retrieve_as import BatchesResultsRetrieveAs
from ...models.error import Error
from ...types import UNSET, Response, Unset


def _get_kwargs(
    id: int,
    *,
    as_: BatchesResultsRetrieveAs | Unset = BatchesResultsRetrieveAs.JSONL,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_as_: str | Unset = UNSET
    if not isinstance(as_, Unset):
        json_as_ = as_.value

    params["as"] = json_as_

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/batches/{id}/results/".format(
            id=quote(str(id), safe=""),
        ),
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | str | None:
    if response.status_code == 200:
        response_200 = response.text
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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Error | str]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    id: int,
    *,
    client: AuthenticatedClient,
    as_: BatchesResultsRetrieveAs | Unset = BatchesResultsRetrieveAs.JSONL,
) -> Response[Error | str]:
    """Get a line for each picture read so far, in the order sent.

    Args:
        id (int):
        as_ (BatchesResultsRetrieveAs | Unset):  Default: BatchesResultsRetrieveAs.JSONL.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | str]
    """

    kwargs = _get_kwargs(
        id=id,
        as_=as_,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id: int,
    *,
    client: AuthenticatedClient,
    as_: BatchesResultsRetrieveAs | Unset = BatchesResultsRetrieveAs.JSONL,
) -> Error | str | None:
    """Get a line for each picture read so far, in the order sent.

    Args:
        id (int):
        as_ (BatchesResultsRetrieveAs | Unset):  Default: BatchesResultsRetrieveAs.JSONL.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | str
    """

    return sync_detailed(
        id=id,
        client=client,
        as_=as_,
    ).parsed


async def asyncio_detailed(
    id: int,
    *,
    client: AuthenticatedClient,
    as_: BatchesResultsRetrieveAs | Unset = BatchesResultsRetrieveAs.JSONL,
) -> Response[Error | str]:
    """Get a line for each picture read so far, in the order sent.

    Args:
        id (int):
        as_ (BatchesResultsRetrieveAs | Unset):  Default: BatchesResultsRetrieveAs.JSONL.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | str]
    """

    kwargs = _get_kwargs(
        id=id,
        as_=as_,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id: int,
    *,
    client: AuthenticatedClient,
    as_: BatchesResultsRetrieveAs | Unset = BatchesResultsRetrieveAs.JSONL,
) -> Error | str | None:
    """Get a line for each picture read so far, in the order sent.

    Args:
        id (int):
        as_ (BatchesResultsRetrieveAs | Unset):  Default: BatchesResultsRetrieveAs.JSONL.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | str
    """

    return (
        await asyncio_detailed(
            id=id,
            client=client,
            as_=as_,
        )
    ).parsed

"""Hostile calls, each with its expected answer."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

LIST, PREVIEW = "/api/v1/predictions/", "/api/v1/predictions/preview/"
JSON = "application/json"


@dataclass(frozen=True)
class Call:
    """A call and the status and code of its refusal. headers: as WSGI has them, HTTP_ and all."""

    name: str
    status: int
    code: str
    path: str = LIST
    method: str = "POST"
    body: bytes = b""
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def image(text: str) -> bytes:
    return json.dumps({"image": text}).encode()


def data_url(text: str) -> bytes:
    return image(f"data:image/png;base64,{text}")


def form(*parts: str, boundary: str = "x", end: str = "--x--\r\n") -> bytes:
    return ("".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + end).encode()


def malformed_json() -> Iterator[Call]:
    for name, body in {
        "an array 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
        "objects 100,000 deep": b'{"image":' * 100_000,
        "an image 50,000 arrays deep": b'{"image":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "a number": b"7",
        "a number of 5,000 digits": b"9" * 5000,
        "a number that is infinite": b"1e999",
        "true": b"true",
        "a string": b'"image"',
        "an open string": b'{"image": "data',
        "an open brace": b"{",
        "a brace that closes nothing": b"}",
        "two objects": b"{}{}",
        "a comma too many": b'{"image": "x",}',
        "single quotes": b"{'image': 'x'}",
        "a comment": b'{/* x */"image": "x"}',
        "a byte order mark": b"\xef\xbb\xbf{}",
        "UTF-16": '{"image": "x"}'.encode("utf-16"),
        "UTF-32": '{"image": "x"}'.encode("utf-32"),
        "Latin-1": '{"image": "é"}'.encode("latin-1"),
        "half a UTF-8 letter": b'{"image": "\xc3',
        "an overlong slash": b'{"image": "\xc0\xaf"}',
        "NUL": b"\0",
        "NaN": b'{"image": NaN}',
        "minus infinity": b'{"image": -Infinity}',
        "a control character": b'{"image": "\x01"}',
        "pickle": b"\x80\x04K\x01.",
        "XML": b"<?xml version='1.0'?><image/>",
        "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    }.items():
        yield Call(f"JSON: {name}", 400, "parse_error", body=body)


def odd_images() -> Iterator[Call]:
    for name, value in {
        "true": True,
        "a number": 1.5,
        "an array": ["data:image/png;base64,AAAA"],
        "an object": {"data": "x"},
        "a path": "/etc/passwd",
        "a file's address": "file:///etc/passwd",
        "an address": "http://127.0.0.1:8000/admin/",
        "a data URL of HTML": "data:text/html;base64,AAAA",
        "a data URL of SVG": "data:image/svg+xml;base64,AAAA",
        "a data URL without base64": "data:image/png,AAAA",
        "a data URL with parameters": "data:image/png;charset=utf-8;base64,AAAA",
        "a data URL in capitals": "DATA:IMAGE/PNG;BASE64,AAAA",
        "a data URL behind a space": " data:image/png;base64,AAAA",
        "bare base64": "AAAA",
    }.items():
        yield Call(f"image: {name}", 400, "invalid_base64", body=json.dumps({"image": value}).encode())
    for name, text in {
        "of whitespace": " \t\r\n" * 1000,
        "with a line break": "AAAA\r\nAAAA",
        "of one letter": "A",
        "with its padding in the middle": "AA==AA==",
        "of padding alone": "====",
        "for addresses": "-_-_",
        "with a NUL": "AAAA\0AAAA",
        "of full-width letters": "\uff21\uff21\uff21\uff21",
        "with half a surrogate pair": "\ud800",
    }.items():
        yield Call(f"base64 {name}", 400, "invalid_base64", body=data_url(text))
    for name, value in {"null": None, "empty": "", "false": False, "zero": 0, "an empty array": []}.items():
        yield Call(f"image: {name}", 400, "missing_image", body=json.dumps({"image": value}).encode())
    yield Call("base64 of nothing", 400, "empty", body=data_url(""))
    yield Call("base64 of text", 400, "unsupported_type", body=data_url(base64.b64encode(b"seven").decode()))
    yield Call("base64 of base64", 400, "unsupported_type", body=data_url(base64.b64encode(b"AAAA" * 99).decode()))
    yield Call("a bomb in base64", 400, "unsupported_type", body=data_url("A" * 8_000_000))


def forged_fields() -> Iterator[Call]:
    good = {"image": "data:image/png;base64,AAAA"}
    for name in ("id", "owner", "owner_id", "visitor", "text", "confidence", "digits", "created_at"):
        yield Call(f"a field {name}", 400, "unknown_field", body=json.dumps(good | {name: 1}).encode())
    for name in ("__proto__", "constructor", "", "image ", "Image", "\ud800", "a" * 10_000):
        yield Call(f"a field {name[:12]!a}", 400, "unknown_field", body=json.dumps(good | {name: 1}).encode())
    for name, source in {"none": "post", "null": None, "a number": 1, "capitals": "API", "an object": {}}.items():
        yield Call(f"a source that is {name}", 400, "invalid", body=json.dumps(good | {"source": source}).encode())
    for version in (1, True, "", "nonsense", "a\0b", "\ud800", "x" * 10_000, ["a"], {"a": "b"}):
        body = json.dumps(good | {"model_version": version}).encode()
        yield Call(f"version {str(version)[:12]!a}", 400, "unknown_version", body=body)


def odd_forms() -> Iterator[Call]:
    image, file = [f'Content-Disposition: form-data; name="image"{more}' for more in ("", '; filename="a.png"')]
    field = "Content-Disposition: form-data; name="
    multipart = "multipart/form-data; boundary=x"
    for name, kind in {
        "no boundary": "multipart/form-data",
        "an empty boundary": "multipart/form-data; boundary=",
        "a boundary of 300 letters": "multipart/form-data; boundary=" + "x" * 300,
    }.items():
        yield Call(f"form: {name}", 400, "parse_error", body=form(image), kind=kind)
    for name, code, body in (
        ("a boundary that never comes", "missing_image", b"--y\r\n" + image.encode()),
        ("an end without parts", "missing_image", b"--x--\r\n"),
        ("a part without a name", "missing_image", form("Content-Disposition: form-data\r\n\r\nx")),
        ("a part without headers", "missing_image", form("\r\nx")),
        ("an image that is text", "invalid_base64", form(f"{image}\r\n\r\nseven")),
        ("an empty file", "empty", form(f"{file}\r\n\r\n")),
        ("a file that is text", "unsupported_type", form(f"{file}\r\n\r\nseven")),
        ("a file named up", "unsupported_type", form(f'{image}; filename="../../../etc/x"\r\n\r\nx')),
        ("a file named by 5,000 letters", "parse_error", form(f'{image}; filename="{"x" * 5000}"\r\n\r\nx')),
        ("two files", "unknown_field", form(f"{file}\r\n\r\nx", f"{file}\r\n\r\nx")),
        ("a file in another field", "unknown_field", form(f'{field}"x"; filename="x"\r\n\r\nx')),
        ("base64 that is none", "parse_error", form(f"{file}\r\nContent-Transfer-Encoding: base64\r\n\r\n!")),
        ("a thousand fields", "parse_error", form(*[f'{field}"a{n}"\r\n\r\nx' for n in range(1000)])),
        ("a hundred files", "parse_error", form(*[f'{field}"a{n}"; filename="x"\r\n\r\nx' for n in range(100)])),
    ):
        yield Call(f"form: {name}", 400, code, body=body, kind=multipart)
    urlencoded, patch = "application/x-www-form-urlencoded", "application/json-patch+json"
    for kind in ("", "nonsense", "text/plain", "image/png", "application/xml", "*/*", urlencoded, patch):
        yield Call(f"a body of type {kind!r}", 415, "unsupported_media_type", body=b"{}", kind=kind)


def odd_queries() -> Iterator[Call]:
    for name, query in {
        "a colour": "colour=red",
        "an owner": "owner=1",
        "an owner's name": "owner__username=root",
        "an owner's password": "owner__password__startswith=a",
        "a visitor": "visitor=6f9619ff-8b86-d011-b42d-00c04fc964ff",
        "a text": "text__contains=4",
        "an order": "ordering=confidence",
        "a source that is none": "source=post",
        "a NUL": "source=%00",
        "SQL": "source=api'--",
        "a digit of two digits": "digit=10",
        "a digit below zero": "digit=-1",
        "a digit of another script": "digit=%D9%A7",
        "a flag that is none": "flagged=perhaps",
        "a day that is none": "date_from=yesterday",
        "a day in February": "date_to=2026-02-30",
        "a year 0": "date_to=0000-01-01",
        "a year 10,000": "date_to=10000-01-01",
    }.items():
        yield Call(f"filter: {name}", 400, "invalid", f"{LIST}?{query}", "GET")
    for name, cursor in {
        "nonsense": "nonsense",
        "half base64": "cD0",
        "another position": base64.b64encode(b"p=abc").decode().replace("=", "%3D"),
        "a position of 30 digits": base64.b64encode(b"p=" + b"9" * 30).decode().replace("=", "%3D"),
        "a position below zero": base64.b64encode(b"p=-1").decode().replace("=", "%3D"),
        "5,000 letters": "x" * 5000,
    }.items():
        yield Call(f"cursor: {name}", 404, "not_found", f"{LIST}?cursor={cursor}", "GET")


def odd_addresses() -> Iterator[Call]:
    for number in (
        "0",
        "-1",
        "1.0",
        "1e3",
        "x",
        "%00",
        "9" * 18,
        "9" * 19,
        "9" * 4000,
        "%D9%A7",
        "1'--",
        "../1",
        "0x1",
        "null",
    ):
        yield Call(f"id {number[:20]}", 404, "not_found", f"{LIST}{number}/", "GET")
    for number in ("0", "9" * 18, "x"):
        yield Call(f"image of {number}", 404, "not_found", f"{LIST}{number}/image/", "GET")
        yield Call(f"flag of {number}", 404, "not_found", f"{LIST}{number}/flag/", "POST", b'{"text": "7"}')
        yield Call(f"end of {number}", 404, "not_found", f"{LIST}{number}/", "DELETE")
    for path in (
        "/api/",
        "/api/v1",
        "/api/v2/predictions/",
        "/api/v1/predictions",
        "/api/v1//predictions/",
        "/api/v1/predictions.json",
        "/api/v1/users/",
        "/api/v1/%2e%2e/",
        "/api/\xff",
    ):
        yield Call(f"address {path!a}", 404, "not_found", path, "GET")
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "FOO"):
        yield Call(f"{method} to the list", 405, "method_not_allowed", LIST, method)
    for method in ("GET", "PUT", "DELETE"):
        yield Call(f"{method} to the preview", 405, "method_not_allowed", PREVIEW, method)
    yield Call(
        "the list, its method overridden",
        405,
        "method_not_allowed",
        LIST,
        "PUT",
        headers={"HTTP_X_HTTP_METHOD_OVERRIDE": "GET"},
    )


def forged_headers() -> Iterator[Call]:
    for token in (
        "Token x",
        "Token",
        "Token a b",
        "token " + "0" * 64,
        "Token \xff",
        "Token " + "a" * 8000,
        "Token ' OR 1=1--",
        "Bearer x",
        "Basic YTpi",
        "0" * 64,
    ):
        yield Call(f"{token[:20]!a}", 401, "authentication_failed", LIST, "GET", headers={"HTTP_AUTHORIZATION": token})
    for host in (
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "",
        "a b",
        "localhost:x",
        "[::1",
        "x" * 300,
    ):
        yield Call(f"host {host[:30]!a}", 400, "bad_request", LIST, "GET", headers={"HTTP_HOST": host})
    for name, headers in {
        "another origin": {"HTTP_ORIGIN": "https://evil.example"},
        "a null origin": {"HTTP_ORIGIN": "null"},
        "another site": {"HTTP_SEC_FETCH_SITE": "cross-site"},
        "a session without a CSRF token": {"HTTP_COOKIE": "sessionid=x"},
        "a CSRF token that is none": {"HTTP_COOKIE": "sessionid=x; csrftoken=" + "a" * 32, "HTTP_X_CSRFTOKEN": "b"},
    }.items():
        yield Call(f"header: {name}", 403, "permission_denied", body=image("x"), headers=headers)
    yield Call("a length of a terabyte", 413, "too_large", headers={"CONTENT_LENGTH": str(2**40)})


def every_call() -> list[Call]:
    families = (malformed_json, odd_images, forged_fields, odd_forms, odd_queries, odd_addresses, forged_headers)
    return [call for family in families for call in family()]

"""HTTP for targets: one pooled session each, bounded reads, and every failure as a TargetFailure.

Nothing here retries, follows a redirect to another host, keeps cookies between calls, or reads proxies
from the environment unless the target's options ask for it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints

from safecase.base import InputError, Record, digest
from safecase.model import FailureKind, Limits, TargetFailure
from safecase.targets._http.http_errors import failure, redact
from safecase.targets._http.json_body import clean_line, decode, html_failure
from safecase.targets._http.keys import MASK, SECRET_NAME, KnownKeys, query_keys

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

CONNECT_SECONDS = 10.0
"""A server that has not taken the connection by then is not there; its answer may take longer."""
_MAXIMUM_REDIRECTS = 3
"""Within one origin: a slash at the end, a moved path, and one to spare."""
_ERROR_BODY_BYTES = 65_536
"""An error says what is wrong in its first lines; some servers send a whole page."""
_NO_COOKIES: Mapping[str, str] = {}
_HEADER_NAME = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
_CREDENTIAL_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key", "apikey"}
)
DEMO_HEADER = "X-Safecase-Demo"


def _check_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a URL that begins with http:// or https://")
    if parts.username or parts.password:
        raise ValueError("must hold no user name or password; keys come from environment variables")
    if any(char.isspace() or not char.isprintable() for char in value):
        raise ValueError("must hold no white space")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("has a port that is no port number") from None
    return value.rstrip("/")


def _check_headers(value: dict[str, str]) -> dict[str, str]:
    for name, content in value.items():
        if not _HEADER_NAME.match(name):
            raise ValueError(f"'{name}' is no header name")
        if name.lower() in _CREDENTIAL_HEADERS:
            raise ValueError(f"'{name}' carries a key; name its environment variable in header_env instead")
        if any(char in content for char in "\r\n\x00"):
            raise ValueError(f"the value of '{name}' holds a line break")
    return value


def _check_header_names(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if not _HEADER_NAME.match(name):
            raise ValueError(f"'{name}' is no header name")
    return value


EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
"""A name that every shell can set."""
HttpUrl = Annotated[str, AfterValidator(_check_url)]
PlainHeaders = Annotated[dict[str, str], AfterValidator(_check_headers)]
HeaderVariables = Annotated[dict[str, EnvironmentName], AfterValidator(_check_header_names)]


class HttpOptions(Record):
    """Options that every target over HTTP has."""

    extra_headers: PlainHeaders = {}
    """Headers with no secret in them."""
    header_env: HeaderVariables = {}
    """Header → environment variable that holds its whole value."""
    environment_proxies: bool = False
    """Use HTTP_PROXY, HTTPS_PROXY and NO_PROXY, and ~/.netrc."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A successful response: the parsed JSON body, and the cookies that came with it."""

    value: Any
    cookies: Mapping[str, str]


def secret_from_environment(variable: str, *, what: str) -> str:
    """The value of the environment variable that holds a key.

    Raises InputError that names the variable where it is unset, empty or cannot stand in a header.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        raise InputError(
            f"{what}: the environment variable {variable} is not set", hint=f"export {variable}=..."
        )
    if not value.isprintable() or not value.isascii():
        raise InputError(f"{what}: the value of {variable} holds characters that no header can carry")
    return value


def endpoint(url: str) -> str:
    """How a URL stands in fingerprints: its host, and a digest of path and query, which may hold a key."""
    parts = urlsplit(url)
    rest = parts.path + (f"?{parts.query}" if parts.query else "")
    return f"{parts.netloc} {digest(rest)}" if rest else parts.netloc


class Transport:
    """One HTTP session towards one server, with the target's limits.

    ``secret_headers`` maps header → (environment variable, prefix such as ``Bearer ``); they are read
    at :meth:`start` and stand in no message, log or fingerprint.
    """

    def __init__(
        self,
        name: str,
        url: str,
        limits: Limits,
        *,
        headers: Mapping[str, str],
        secret_headers: Mapping[str, tuple[str, str]],
        environment_proxies: bool = False,
    ) -> None:
        parts = urlsplit(url)
        self.name = name
        self.where = f"target '{name}'"
        self.host = parts.netloc
        self.endpoint = endpoint(url)
        self.demo = False
        """True where the server says of itself that it is safecase's demo."""
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._limits = limits
        self._headers = dict(headers)
        self._secret_headers = dict(secret_headers)
        self._proxies = environment_proxies
        self._in_query = query_keys(url)
        self._keys = KnownKeys(self._in_query)
        self._session: aiohttp.ClientSession | None = None
        variables = sorted({variable for variable, _ in self._secret_headers.values()})
        self._key_hint = (
            f"the key came from {', '.join(variables)}"
            if variables
            else "no key is configured; set api_key_env or header_env"
        )

    async def start(self) -> None:
        """Read the keys, open the session and see that the server can be reached. Idempotent.

        Raises InputError for a missing key, TargetFailure where nothing answers.
        """
        if self._session is not None:
            return
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": "safecase",
            **self._headers,
        }
        secrets: list[str] = []
        for header, (variable, prefix) in self._secret_headers.items():
            value = secret_from_environment(variable, what=self.where)
            secrets.append(value)
            headers[header] = prefix + value
        self._keys = KnownKeys((*secrets, *self._in_query))
        self._session = self._open(headers)
        try:
            await self._reach()
        except BaseException:
            await self.close()
            raise

    def _open(self, headers: Mapping[str, str]) -> aiohttp.ClientSession:
        """The session of a target; made when the loop runs, as aiohttp demands."""
        import aiohttp

        limits = self._limits
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=max(limits.concurrency, 64), keepalive_timeout=30, ttl_dns_cache=300
            ),
            timeout=aiohttp.ClientTimeout(
                total=limits.timeout_seconds, sock_connect=min(CONNECT_SECONDS, limits.timeout_seconds)
            ),
            headers=headers,
            # A cookie set in one attempt would tie it to the next: each call stands alone.
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._proxies,
        )

    async def _reach(self) -> None:
        """Raise TargetFailure where nobody listens, before a run begins; behind a proxy that cannot be
        told."""
        if self._proxies:
            return
        parts = urlsplit(self._origin)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            async with asyncio.timeout(min(CONNECT_SECONDS, self._limits.timeout_seconds)):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            raise self._unreachable(_reason(error)) from None
        writer.close()
        if _is_loopback(host):
            self.demo = await self._says_demo()

    async def _says_demo(self) -> bool:
        """Ask a server on this machine whether it is safecase's demo, which labels every response."""
        import aiohttp

        session = self._session
        if session is None:
            return False
        timeout = aiohttp.ClientTimeout(total=min(2.0, self._limits.timeout_seconds))
        # A session of its own: the keys of the target are not for this question.
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as plain,
                plain.get(f"{self._origin}/healthz", allow_redirects=False) as response,
            ):
                return response.headers.get(DEMO_HEADER) == "true"
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            # Whatever is amiss with the server shows, with its proper message, in the first real call.
            return False

    async def close(self) -> None:
        """Close the session. Safe to call twice; a later ``start`` opens a new one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, url: URL, body: bytes) -> Any:
        """POST ``body`` and return the parsed JSON of the response. Raises TargetFailure."""
        return (await self.request("POST", url, body)).value

    async def request(
        self,
        method: str,
        url: URL,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Make one call. Raises TargetFailure for every way in which it can fail.

        The response's cookies are read where ``cookies``, maybe empty, are given.
        """
        import aiohttp

        session = self._session
        if session is None:
            raise TargetFailure(
                "the target is not started", kind=FailureKind.CRASH, where=self.where, hint="await start()"
            )
        try:
            for _ in range(_MAXIMUM_REDIRECTS + 1):
                async with session.request(
                    method, url, data=body, headers=headers, cookies=cookies, allow_redirects=False
                ) as response:
                    status = response.status
                    if 300 <= status < 400:
                        url = self._same_origin(response, url)
                        continue
                    if status >= 400:
                        raise failure(
                            status,
                            response.headers,
                            await self._read_start(response),
                            keys=self._keys,
                            key_hint=self._key_hint,
                        )
                    data = await self._read(response)
                    content_type = response.headers.get("Content-Type", "").lower()
                    if content_type.startswith("text/html"):
                        raise html_failure(self._keys.mask_text(data.decode("utf-8", "replace")).encode())
                    received: Mapping[str, str] = _NO_COOKIES
                    if cookies is not None:
                        received = {name: morsel.value for name, morsel in response.cookies.items()}
                    return HttpAnswer(self._keys.mask(decode(data, content_type=content_type)), received)
            raise TargetFailure(
                f"the server redirected {_MAXIMUM_REDIRECTS + 1} times in a row",
                kind=FailureKind.BAD_RESPONSE,
            )
        except TargetFailure as error:
            raise self.name_target(error) from None
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise self._translated(error) from None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """The body within the limit. Raises TargetFailure beyond it, before it is in memory."""
        maximum = self._limits.maximum_response_bytes
        length = response.content_length
        if length is not None and length <= maximum and "Content-Encoding" not in response.headers:
            return await response.read()
        pieces: list[bytes] = []
        size = 0
        if length is None or length <= maximum:
            async for piece in response.content.iter_any():
                size += len(piece)
                if size > maximum:
                    break
                pieces.append(piece)
            else:
                return b"".join(pieces)
        response.close()
        raise TargetFailure(
            f"the response is larger than {maximum:,} bytes",
            kind=FailureKind.TOO_LARGE,
            hint="raise limits.maximum_response_bytes if such answers are expected",
        )

    async def _read_start(self, response: aiohttp.ClientResponse) -> bytes:
        """The start of an error's body: enough for the provider's words, whatever its size or state."""
        import aiohttp

        pieces: list[bytes] = []
        size = 0
        try:
            async for piece in response.content.iter_any():
                pieces.append(piece)
                size += len(piece)
                if size >= _ERROR_BODY_BYTES:
                    response.close()
                    break
        except (aiohttp.ClientError, OSError):
            # The status says what matters; a body that breaks off only says less.
            response.close()
        return b"".join(pieces)[:_ERROR_BODY_BYTES]

    def _same_origin(self, response: aiohttp.ClientResponse, url: URL) -> URL:
        """Where a 307 or 308 redirect to the same server leads. Raises TargetFailure for any other."""
        from yarl import URL

        try:
            location = url.join(URL(response.headers.get("Location", "")))
        except ValueError:
            location = URL()
        if response.status in (307, 308) and location.absolute and location.origin() == url.origin():
            return location
        to = redact(str(location.origin()), self._keys) if location.absolute else "nowhere"
        raise TargetFailure(
            f"HTTP {response.status}, the server redirects to {to}; redirects are not followed",
            kind=FailureKind.BAD_RESPONSE,
            hint="set the URL to where the service really stands, if you trust it",
        )

    def name_target(self, error: TargetFailure) -> TargetFailure:
        """``error`` with the target's name in its message, and no key in it."""
        error.message = self._keys.mask_text(error.message)
        error.where = self.where
        error.args = (error.render(),)
        return error

    def _unreachable(self, reason: str) -> TargetFailure:
        return TargetFailure(
            f"nothing answers at {self._origin}: {reason}",
            kind=FailureKind.CONNECTION,
            retryable=True,
            where=self.where,
            hint="start the server, or correct the URL",
        )

    def _translated(self, error: Exception) -> TargetFailure:
        """The failure that an exception of aiohttp means."""
        import aiohttp

        kind, retryable = FailureKind.CONNECTION, True
        # Before TimeoutError, of which it is one: nobody there is another fault than a slow answer.
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return self._unreachable("the connection timed out")
        if isinstance(error, TimeoutError):
            kind = FailureKind.TIMEOUT
            message = f"no answer within {self._limits.timeout_seconds:g} s"
        elif isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            message, retryable = f"the TLS certificate of {self.host} is not valid", False
        elif isinstance(error, aiohttp.ClientConnectorError):
            return self._unreachable(_reason(error))
        elif isinstance(error, aiohttp.ServerDisconnectedError):
            message = "the server closed the connection without an answer"
        elif isinstance(error, aiohttp.ClientPayloadError):
            message = "the connection broke in the middle of the answer"
        elif isinstance(error, aiohttp.ClientResponseError):
            kind, retryable = FailureKind.BAD_RESPONSE, False
            words = clean_line(self._keys.mask_text(error.message), 120)
            message = f"the server does not speak proper HTTP: {words}"
        elif isinstance(error, aiohttp.InvalidURL) or not isinstance(error, (aiohttp.ClientError, OSError)):
            kind, retryable = FailureKind.BAD_REQUEST, False
            words = clean_line(self._keys.mask_text(str(error)))
            message = f"the request could not be made: {type(error).__name__}: {words}"
        else:
            message = f"the connection failed: {_reason(error)}"
        return TargetFailure(redact(message, self._keys), kind=kind, retryable=retryable, where=self.where)


def _reason(error: BaseException) -> str:
    """Why there is no connection, in words that do not depend on the platform."""
    if isinstance(error, TimeoutError):
        return "the connection timed out"
    if isinstance(error, ConnectionRefusedError) or "refused" in str(error).lower():
        return "connection refused"
    inner = getattr(error, "os_error", error)
    return str(getattr(inner, "strerror", None) or type(inner).__name__)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_VALUES_HIDDEN = frozenset({"extra_headers", "headers", "query"})
"""Options whose values are shown to nobody: a header's name says what it is for, its value may be a key."""
_QUERY_VALUE = re.compile(r"(?<=[?&])([^=&#\s]+)=[^&#\s]*")


def mask_secrets(value: Any) -> Any:
    """``value`` with whatever stands under the name of a secret replaced, for ``describe``.

    Values of headers and of queries are replaced whatever they are called.
    """
    if isinstance(value, dict):
        return {name: _masked_field(str(name), item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_secrets(item) for item in value]
    if not isinstance(value, str):
        return value
    return redact(_QUERY_VALUE.sub(rf"\1={MASK}", value) if "://" in value else value)


def _masked_field(name: str, item: Any) -> Any:
    if name in _VALUES_HIDDEN and isinstance(item, dict):
        return dict.fromkeys(item, MASK)
    if isinstance(item, str) and item and SECRET_NAME.search(name):
        return MASK
    return mask_secrets(item)

"""Any application that speaks JSON over HTTP, described by a request template and response paths."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from safecase.base import InputError, JsonObject, JsonValue, Record, digest
from safecase.model import (
    Document,
    FailureKind,
    Message,
    MessageRole,
    TargetFailure,
    TargetReply,
    TargetRequest,
    ToolCall,
    Usage,
)
from safecase.targets._chat import note_environment, with_documents
from safecase.targets._conversation import parse_content, parse_messages, parse_tool_call
from safecase.targets._http.json_body import clean_line, count_of, depth_exceeds, encode, object_of, text_of
from safecase.targets._http.paths import MISSING, JsonPath, PathText
from safecase.targets._http.template import Fill, compile_template, names_in
from safecase.targets._http.transport import HttpAnswer, HttpOptions, HttpUrl, Transport, mask_secrets
from safecase.targets._registry import TARGETS, TargetContext
from safecase.targets.python_callable import plain_messages

SCALARS = ("prompt", "system", "conversation_id", "seed", "session", "turn")
STRUCTURES = ("messages", "documents", "tools", "environment")
_SESSIONS = 10_000
"""Conversations whose session is remembered; the one unused longest goes first."""

Item = TypeVar("Item")


class ToolCallPaths(Record):
    """Where tool calls stand in a response, and each one's parts."""

    path: PathText
    name: PathText = "name"
    arguments: PathText = "arguments"
    id: PathText = "id"


class DocumentPaths(Record):
    """Where retrieved documents stand in a response, and each one's parts."""

    path: PathText
    id: PathText = "id"
    text: PathText = "text"
    title: PathText = "title"
    source: PathText = "source"


class ResponsePaths(Record):
    """What is read from a response, as paths such as ``choices[0].text``. Empty: not read."""

    text: PathText = ""
    messages: PathText = ""
    """A list of messages of this turn, instead of ``text``."""
    tool_calls: ToolCallPaths | None = None
    documents: DocumentPaths | None = None
    final_state: PathText = ""
    model: PathText = ""
    finish_reason: PathText = ""
    input_tokens: PathText = ""
    output_tokens: PathText = ""
    error: PathText = ""
    """Where this holds something, the call has failed, whatever the status says."""
    session: PathText = ""
    """A value that the next turn of the same conversation sends back as ``${session}``."""


class HttpJsonOptions(HttpOptions):
    """Options of a JSON-over-HTTP application."""

    url: HttpUrl
    method: Literal["GET", "POST", "PUT", "PATCH"] = "POST"
    body: JsonValue = None
    """Template of the request body. Variables: prompt, system, messages, documents, tools, environment,
    conversation_id, seed, turn (from 1), session."""
    query: dict[str, JsonValue] = {}
    """Template of the query string."""
    response: ResponsePaths
    documents: Literal["user_message", "omit"] = "user_message"
    """Where a case's documents go if no template asks for them: before the user's text, or nowhere."""
    cookies: bool = False
    """Keep the cookies of a conversation for its next turns."""


@dataclass(slots=True)
class _Session:
    value: JsonValue
    cookies: dict[str, str]


@TARGETS.register("http_json", parameters=HttpJsonOptions)
class HttpJsonTarget:
    """An HTTP application under test."""

    kind: str = "http_json"
    canaries: tuple[str, ...] = ()
    system_prompt: str = ""

    def __init__(self, options: HttpJsonOptions, context: TargetContext) -> None:
        from yarl import URL

        self.name = context.configuration.id
        self.demo = False
        self.options = options
        self.where = f"target '{self.name}'"
        paths = options.response
        if not paths.text and not paths.messages:
            raise InputError(f"{self.where}: option 'response' needs the path of 'text' or of 'messages'")
        if options.method == "GET" and options.body is not None:
            raise InputError(f"{self.where}: a GET has no body", hint="use query")
        self._url = URL(options.url)
        self._body = self._compile(options.body, "body") if options.body is not None else None
        self._query = {name: self._compile(value, f"query.{name}") for name, value in options.query.items()}
        self._used = names_in(options.body) | names_in(list(options.query.values()))
        if "session" in self._used and not paths.session:
            raise InputError(f"{self.where}: ${{session}} is used, but response.session is not set")
        self._paths = {
            name: JsonPath(value)
            for name, value in paths.model_dump().items()
            if isinstance(value, str) and value
        }
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._transport = Transport(
            self.name,
            options.url,
            context.configuration.limits,
            headers=options.extra_headers,
            secret_headers={header: (variable, "") for header, variable in options.header_env.items()},
            environment_proxies=options.environment_proxies,
        )

    def _compile(self, value: JsonValue, what: str) -> Fill:
        """A template of the options, mistakes told with the option's name."""
        try:
            return compile_template(value, scalars=SCALARS, structures=STRUCTURES)
        except InputError as error:
            raise InputError(f"{self.where}: option '{what}': {error.message}", hint=error.hint) from None

    def fingerprint(self) -> Mapping[str, str]:
        """Endpoint, and a digest of template and paths. Holds no secret."""
        hidden = {"header_env", "environment_proxies"}
        return {
            "kind": self.kind,
            "endpoint": self._transport.endpoint,
            "options": digest(self.options.model_dump(mode="json", exclude=hidden)),
        }

    def describe(self) -> JsonObject:
        """The configuration for people to read, secrets left out."""
        shown: JsonObject = mask_secrets(self.options.model_dump(mode="json", exclude_defaults=True))
        return {"name": self.name, "kind": self.kind, **shown}

    async def start(self) -> None:
        """Read the keys and connect. Raises InputError for a missing key, TargetFailure when down."""
        await self._transport.start()
        self.demo = self._transport.demo

    async def close(self) -> None:
        """Close the connections and forget the sessions. Safe to call twice."""
        self._sessions.clear()
        await self._transport.close()

    async def respond(self, request: TargetRequest) -> TargetReply:
        """One call. Raises TargetFailure."""
        session = self._sessions.get(request.conversation_id) if request.conversation_id else None
        variables = self._variables(request, session)
        body = encode(self._body(variables)) if self._body is not None else None
        url = self._url
        if self._query:
            filled = {name: _query_text(fill(variables)) for name, fill in self._query.items()}
            url = url.update_query(filled)
        cookies = None
        if self.options.cookies:
            cookies = session.cookies if session else {}
        answer = await self._transport.request(self.options.method, url, body, cookies=cookies)
        try:
            reply = self._read(answer.value)
            if request.environment and "environment" not in self._used:
                note_environment(request, reply.metadata)
        except TargetFailure as error:
            raise self._transport.name_target(error) from None
        except (ValueError, RecursionError) as error:
            raise TargetFailure(
                clean_line(str(error)), kind=FailureKind.BAD_RESPONSE, where=self.where
            ) from None
        self._remember(request, session, answer)
        return reply

    def _variables(self, request: TargetRequest, session: _Session | None) -> dict[str, Any]:
        """What the template may name; only what it does name is built."""
        used = self._used
        messages: Sequence[Message] = request.messages
        if request.documents and "documents" not in used and self.options.documents == "user_message":
            messages = with_documents(messages, request.documents, as_system=False)
        variables: dict[str, Any] = {
            "prompt": next((item.text for item in reversed(messages) if item.role is MessageRole.USER), ""),
            "conversation_id": request.conversation_id,
            "seed": request.seed & 0x7FFFFFFF,
            "session": session.value if session else None,
        }
        if "system" in used:
            variables["system"] = "\n\n".join(
                item.text for item in messages if item.role is MessageRole.SYSTEM
            )
        if "turn" in used:
            variables["turn"] = sum(item.role is MessageRole.USER for item in messages)
        if "messages" in used:
            variables["messages"] = plain_messages(messages)
        if "documents" in used:
            variables["documents"] = [item.model_dump(mode="json") for item in request.documents]
        if "tools" in used:
            variables["tools"] = [item.model_dump(mode="json") for item in request.tools]
        if "environment" in used:
            variables["environment"] = request.environment
        return variables

    def _remember(self, request: TargetRequest, session: _Session | None, answer: HttpAnswer) -> None:
        """Keep what ties the next turn to this one: the application's session, and its cookies."""
        path = self._paths.get("session")
        if not request.conversation_id or (path is None and not self.options.cookies):
            return
        value = session.value if session else None
        if path is not None:
            found = path.get(answer.value)
            value = value if found is MISSING else found
        cookies = dict(session.cookies) if session else {}
        if self.options.cookies:
            cookies.update(answer.cookies)
        self._sessions[request.conversation_id] = _Session(value, cookies)
        self._sessions.move_to_end(request.conversation_id)
        while len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)

    def _get(self, value: Any, name: str) -> Any:
        """The value at the path that the options give for ``name``; MISSING without one."""
        path = self._paths.get(name)
        return MISSING if path is None else path.get(value)

    def _read(self, value: Any) -> TargetReply:
        """The reply in the application's answer."""
        error = self._get(value, "error")
        if error not in (MISSING, None, False, "", [], {}):
            words = error if isinstance(error, str) else encode(error).decode()
            raise TargetFailure(
                f"the application reports an error: {clean_line(words)}",
                kind=FailureKind.SERVER_ERROR,
                retryable=True,
            )
        calls = self._list(value, "tool_calls", self.options.response.tool_calls, _tool_call)
        return TargetReply(
            messages=self._messages(value, calls),
            documents=self._list(value, "documents", self.options.response.documents, _document),
            final_state=object_of(self._get(value, "final_state")),
            finish_reason=text_of(self._get(value, "finish_reason")),
            model=text_of(self._get(value, "model")),
            usage=Usage(
                input_tokens=count_of(self._get(value, "input_tokens")),
                output_tokens=count_of(self._get(value, "output_tokens")),
                calls=1,
            ),
        )

    def _messages(self, value: Any, calls: tuple[ToolCall, ...]) -> tuple[Message, ...]:
        """The messages of the answer: a list of them, or one text."""
        paths = self.options.response
        if paths.messages:
            found = self._get(value, "messages")
            if found is MISSING:
                raise ValueError(f"the response has nothing at '{paths.messages}'{_shape(value)}")
            if depth_exceeds(found):
                raise ValueError(f"'{paths.messages}' nests too deep")
            messages = parse_messages(found, what=paths.messages)
            if not messages:
                raise ValueError(f"'{paths.messages}' is an empty list")
            return messages
        found = self._get(value, "text")
        if found is MISSING and not calls:
            raise ValueError(f"the response has nothing at '{paths.text}'{_shape(value)}")
        if found is MISSING or found is None:
            found = ""
        if isinstance(found, (bool, int, float)):
            found = encode(found).decode()
        if depth_exceeds(found):
            raise ValueError(f"'{paths.text}' nests too deep")
        content = parse_content(found, what=paths.text)
        return (Message(role=MessageRole.ASSISTANT, content=content, tool_calls=calls),)

    def _list(
        self,
        value: Any,
        name: str,
        paths: ToolCallPaths | DocumentPaths | None,
        read: Callable[[Any, int, Any], Item],
    ) -> tuple[Item, ...]:
        """The items at a path of the options, each read by ``read``; none where there is nothing."""
        if paths is None:
            return ()
        found = JsonPath(paths.path).get(value)
        if found is MISSING or found is None:
            return ()
        if not isinstance(found, list):
            raise ValueError(f"{name}: '{paths.path}' is no list")
        return tuple(read(item, index, paths) for index, item in enumerate(found))


def _tool_call(item: Any, index: int, paths: ToolCallPaths) -> ToolCall:
    name = JsonPath(paths.name).get(item)
    if not isinstance(name, str) or not name:
        raise ValueError(f"{paths.path}[{index}] has no text at '{paths.name}'")
    arguments = JsonPath(paths.arguments).get(item)
    identifier = JsonPath(paths.id).get(item)
    return parse_tool_call(
        {
            "name": name,
            "arguments": None if arguments is MISSING else arguments,
            "id": identifier if isinstance(identifier, str) else "",
        },
        what=f"{paths.path}[{index}]",
    )


def _document(item: Any, index: int, paths: DocumentPaths) -> Document:
    if isinstance(item, str):
        return Document(id=f"document-{index + 1}", text=item)
    text = JsonPath(paths.text).get(item)
    if not isinstance(text, str):
        raise ValueError(f"{paths.path}[{index}] has no text at '{paths.text}'")

    def label(path: str) -> str:
        found = JsonPath(path).get(item)
        return str(found) if isinstance(found, (str, int)) and not isinstance(found, bool) else ""

    return Document(
        id=label(paths.id) or f"document-{index + 1}",
        text=text,
        title=label(paths.title),
        source=label(paths.source),
    )


def _query_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else encode(value).decode()


def _shape(value: Any) -> str:
    """What a response has instead, as a help to correct a path: its keys, never its content."""
    if isinstance(value, dict):
        return f"; its keys are {', '.join(clean_line(key, 40) for key in list(value)[:12]) or 'none'}"
    return f"; it is a JSON {type(value).__name__}"

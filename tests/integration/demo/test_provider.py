"""The scripted provider, seen by the real openai SDK."""

import asyncio
import math
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI
from openai.types.chat import ChatCompletionMessageParam
from servers.patience import PATIENCE_S

from spanlabel.demo.provider import CHAT_MODEL, EMBEDDING_MODEL, ScriptedProvider
from spanlabel.demo.script import UNPREPARED, Line, Reply, Script, ToolCall, answered

pytestmark = pytest.mark.integration

POEM = "Roses are red,\n  violets are “blue”. 🌹 "
FETCH = (ToolCall("fetch", {"what": "a stick", "times": 2}), ToolCall("fetch", {"what": "größer"}))
SCRIPT = Script(
    [
        answered("A poem?", POEM, "No."),
        Line("Fetch!", (Reply(("Off I go.",), FETCH), Reply(("",), FETCH[:1]), Reply(("Here.",)))),
    ]
)
ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "A poem?"}]
COMMAND: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Fetch!"}]


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider(SCRIPT) as provider:
        yield provider


@pytest.fixture
def client(provider: ScriptedProvider) -> Iterator[OpenAI]:
    with OpenAI(base_url=provider.base_url, api_key="none", timeout=PATIENCE_S, max_retries=0) as client:
        yield client


class TestChatCompletions:
    def test_plain(self, client: OpenAI) -> None:
        """
        A plain call brings the scripted text, with the bookkeeping that a real provider sends.
        """
        completion = client.chat.completions.create(model=CHAT_MODEL, messages=ASK)

        [choice] = completion.choices
        assert (choice.message.content, choice.finish_reason) == (POEM, "stop")
        assert completion.id.startswith("chatcmpl-")
        assert completion.model.startswith(CHAT_MODEL)
        assert completion.system_fingerprint
        assert completion.usage is not None
        assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 2

    def test_every_answer_has_its_own_id(self, client: OpenAI) -> None:
        """
        Two calls are told apart by their ids, even if they ask the same.
        """
        one, two = (client.chat.completions.create(model=CHAT_MODEL, messages=ASK) for _ in range(2))

        assert one.id != two.id

    def test_streamed(self, client: OpenAI) -> None:
        """
        The pieces of a stream make up the very text of the plain answer, and usage comes last when asked for.
        """
        chunks = list(
            client.chat.completions.create(
                model=CHAT_MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
            )
        )

        *spoken, last = chunks
        assert len(spoken) > 5
        assert "".join(chunk.choices[0].delta.content or "" for chunk in spoken) == POEM
        assert [chunk.choices[0].finish_reason for chunk in spoken[-2:]] == [None, "stop"]
        assert all(chunk.usage is None for chunk in spoken)
        assert last.choices == []
        assert last.usage is not None
        plain = client.chat.completions.create(model=CHAT_MODEL, messages=ASK)
        assert last.usage == plain.usage

    def test_several_choices(self, client: OpenAI) -> None:
        """
        With n=3 and two prepared texts the first one comes again.
        """
        completion = client.chat.completions.create(model=CHAT_MODEL, messages=ASK, n=3)

        assert [choice.message.content for choice in completion.choices] == [POEM, "No.", POEM]
        assert [choice.index for choice in completion.choices] == [0, 1, 2]

    def test_tools_step_by_step(self, client: OpenAI) -> None:
        """
        The model calls two tools at once, then one more, then answers.
        """
        messages = list(COMMAND)
        made = []
        for _ in range(2):
            message = client.chat.completions.create(model=CHAT_MODEL, messages=messages).choices[0].message
            calls = [call for call in message.tool_calls or () if call.type == "function"]
            made.append([call.function.arguments for call in calls])
            messages.append(message.to_dict())  # type: ignore[arg-type]  # the SDK sends its own objects back like this
            messages += [{"role": "tool", "tool_call_id": call.id, "content": "done"} for call in calls]
        final = client.chat.completions.create(model=CHAT_MODEL, messages=messages).choices[0]

        assert made == [
            ['{"what": "a stick", "times": 2}', '{"what": "gr\\u00f6\\u00dfer"}'],
            ['{"what": "a stick", "times": 2}'],
        ]
        assert (final.message.content, final.finish_reason) == ("Here.", "stop")

    def test_tools_streamed(self, client: OpenAI) -> None:
        """
        The SDK's own stream helper puts the pieces of parallel tool calls together again.
        """
        with client.chat.completions.stream(model=CHAT_MODEL, messages=COMMAND) as stream:
            choice = stream.get_final_completion().choices[0]

        assert choice.finish_reason == "tool_calls"
        assert choice.message.content == "Off I go."
        functions = [call.function for call in choice.message.tool_calls or ()]
        assert [(f.name, f.arguments) for f in functions] == [
            ("fetch", '{"what": "a stick", "times": 2}'),
            ("fetch", '{"what": "gr\\u00f6\\u00dfer"}'),
        ]

    def test_text_in_parts(self, client: OpenAI) -> None:
        """
        A message may come as a list of parts; its texts count together.
        """
        messages: list[ChatCompletionMessageParam] = [
            {"role": "user", "content": [{"type": "text", "text": "A "}, {"type": "text", "text": "poem?"}]}
        ]

        completion = client.chat.completions.create(model=CHAT_MODEL, messages=messages)

        assert completion.choices[0].message.content == POEM

    def test_many_at_once(self, provider: ScriptedProvider) -> None:
        """
        Twenty asynchronous calls at once, half of them streamed, all get their answer.
        """

        async def plain(client: AsyncOpenAI) -> str | None:
            completion = await client.chat.completions.create(model=CHAT_MODEL, messages=ASK)
            return completion.choices[0].message.content

        async def streamed(client: AsyncOpenAI) -> str:
            stream = await client.chat.completions.create(model=CHAT_MODEL, messages=ASK, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        async def all_of_them() -> list[str | None]:
            async with AsyncOpenAI(base_url=provider.base_url, api_key="none", timeout=PATIENCE_S) as client:
                return await asyncio.gather(*(call(client) for call in (plain, streamed) * 10))

        assert asyncio.run(all_of_them()) == [POEM] * 20


class TestResponses:
    def test_plain(self, client: OpenAI) -> None:
        """
        The Responses API answers from the same script.
        """
        response = client.responses.create(model=CHAT_MODEL, instructions="Rhyme.", input="A poem?")

        assert response.output_text == POEM
        assert response.status == "completed"
        assert response.usage is not None
        assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens

    def test_streamed(self, client: OpenAI) -> None:
        """
        The SDK's own stream helper puts the pieces together to the same text, with history as input.
        """
        with client.responses.stream(
            model=CHAT_MODEL,
            input=[
                {"role": "user", "content": "Fetch!"},
                {"role": "assistant", "content": "Here."},
                {"role": "user", "content": "A poem?"},
            ],
        ) as stream:
            pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
            final = stream.get_final_response()

        assert "".join(pieces) == final.output_text == POEM
        assert len(pieces) > 5

    def test_what_it_cannot_do_it_refuses(self, client: OpenAI) -> None:
        """
        Stored state and tool calls are not played: the caller hears it instead of getting something wrong.
        """
        with pytest.raises(BadRequestError, match="stores no responses"):
            client.responses.create(model=CHAT_MODEL, input="A poem?", previous_response_id="resp_1")
        with pytest.raises(BadRequestError, match="chat completions only"):
            client.responses.create(model=CHAT_MODEL, input="Fetch!")


def test_embeddings(client: OpenAI) -> None:
    """
    A text has one vector of length 1, another text has another; base64, the SDK's own way, says the same as numbers.
    """
    texts = ["a whale", "a dragon", "a whale"]
    whale, dragon, again = (one.embedding for one in client.embeddings.create(model=EMBEDDING_MODEL, input=texts).data)
    [as_numbers] = client.embeddings.create(model=EMBEDDING_MODEL, input="a whale", encoding_format="float").data

    assert whale == again != dragon
    assert whale == pytest.approx(as_numbers.embedding, rel=1e-6)
    assert math.isclose(sum(x * x for x in whale), 1, rel_tol=1e-5)


class TestRefusals:
    def test_a_model_that_it_does_not_serve(self, client: OpenAI) -> None:
        """
        An unknown model is the error that the real provider raises, and the SDK does not try again.
        """
        with pytest.raises(NotFoundError) as caught:
            client.with_options(max_retries=5).chat.completions.create(model="no-such-model", messages=ASK)

        assert caught.value.code == "model_not_found"
        assert "no-such-model" in str(caught.value)

    def test_no_messages(self, client: OpenAI) -> None:
        """
        A request without messages is refused with the name of the field.
        """
        with pytest.raises(BadRequestError) as caught:
            client.chat.completions.create(model=CHAT_MODEL, messages=[])

        assert caught.value.param == "messages"

    def test_an_unknown_address(self, client: OpenAI) -> None:
        """
        What the provider does not speak is a 404 that names the address.
        """
        with pytest.raises(NotFoundError, match=r"GET /v1/models"):
            client.models.list()

    @pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b""], ids=["cut off", "a list", "no text", "empty"])
    def test_a_body_that_is_no_json_object(self, provider: ScriptedProvider, body: bytes) -> None:
        """
        A broken body is refused, not fatal.
        """
        connection = HTTPConnection(provider.base_url.removeprefix("http://").removesuffix("/v1"), timeout=PATIENCE_S)
        connection.request("POST", "/v1/chat/completions", body)

        assert connection.getresponse().status == 400
        connection.close()


def test_an_unknown_question(client: OpenAI) -> None:
    """
    A question that is not in the script gets a polite answer instead of an error.
    """
    completion = client.chat.completions.create(model=CHAT_MODEL, messages=[{"role": "user", "content": "Why?"}])

    assert completion.choices[0].message.content == UNPREPARED.texts[0]

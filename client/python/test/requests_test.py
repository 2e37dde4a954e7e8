"""Requests and responders of both clients against the real daemon."""

import asyncio
import threading
from typing import Any, List

import mycelium_protocol as chat
import pytest

import mycelium
from tests.integration.deadline import SECONDS, wait_until

Status = mycelium.StatusCode


def ask(text: str) -> chat.Question:
    return chat.Question(text=text)


def test_a_question_is_answered(url: str) -> None:
    with mycelium.connect(url, schema=chat) as client:

        @client.responder(chat.Question, "rooms.*")
        def answer(question: chat.Question) -> chat.Answer:
            return chat.Answer(text=question.text.upper())

        for topic in ("rooms.one", "rooms.two"):
            reply = client.request(ask("what?"), chat.Answer, topic, SECONDS)
            assert reply == chat.Answer(text="WHAT?")


def test_errors_are_answered(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with mycelium.connect(url, schema=chat) as client:

        @client.responder(chat.Question)
        def answer(question: chat.Question) -> Any:
            if question.text == "unknown":
                raise mycelium.RequestError(Status.NOT_FOUND, "answer: nothing known")
            if question.text == "fault":
                raise KeyError(question.text)
            return "no message"

        for text, status, words in [
            ("unknown", Status.NOT_FOUND, "answer: nothing known"),
            ("fault", Status.INTERNAL, "respond: the handler raised KeyError"),
            ("", Status.INTERNAL, "respond: the handler raised InvalidArgumentError"),
        ]:
            with pytest.raises(mycelium.RequestError) as raised:
                client.request(ask(text), chat.Answer, timeout_s=SECONDS)
            assert (raised.value.status, str(raised.value)) == (status, words)
            assert not raised.value.from_broker
        assert "KeyError" in caplog.text


def test_nobody_answers(url: str) -> None:
    with mycelium.connect(url, schema=chat) as client:
        with pytest.raises(mycelium.RequestError) as raised:
            client.request(ask(""), chat.Answer, "a.b", SECONDS)
        assert raised.value.status is Status.NOT_FOUND
        assert raised.value.from_broker
        assert str(raised.value) == "request: nobody answers type 2 topic a.b"


def test_too_late_is_cancelled_and_counted(url: str) -> None:
    with mycelium.connect(url, schema=chat) as client:
        calls: List[mycelium.Call] = []
        go_on = threading.Event()

        def answer(question: chat.Question, call: mycelium.Call) -> chat.Answer:
            calls.append(call)
            assert go_on.wait(SECONDS)
            return chat.Answer()

        responder = client.respond(chat.Question, answer, with_call=True)
        with pytest.raises(mycelium.DeadlineExceededError) as raised:
            client.request(ask(""), chat.Answer, timeout_s=0.02)
        assert str(raised.value) == "request: no answer before the deadline"
        wait_until(lambda: calls and calls[0].cancelled, "the responder is told")
        go_on.set()
        assert client.request(ask(""), chat.Answer, timeout_s=SECONDS) == chat.Answer()
        responder.close()


def test_a_lost_responder_is_told_at_once(url: str) -> None:
    with mycelium.connect(url, schema=chat) as client:
        other = mycelium.connect(url, schema=chat)
        asked, go_on = threading.Event(), threading.Event()

        def answer(question: chat.Question) -> chat.Answer:
            asked.set()
            assert go_on.wait(SECONDS)
            return chat.Answer()

        other.respond(chat.Question, answer)
        errors: List[mycelium.Error] = []

        def request() -> None:
            try:
                client.request(ask(""), chat.Answer, timeout_s=SECONDS)
            except mycelium.RequestError as error:
                errors.append(error)

        thread = threading.Thread(target=request)
        thread.start()
        assert asked.wait(SECONDS)
        other.close()
        thread.join()
        go_on.set()
        assert errors[0].status is Status.UNAVAILABLE
        assert "was lost before it answered" in str(errors[0])


def test_a_handler_asks_in_turn(url: str) -> None:
    with mycelium.connect(url, schema=chat) as client:

        @client.responder(chat.Question, "inner")
        def inner(question: chat.Question) -> chat.Answer:
            return chat.Answer(text=question.text + "!")

        @client.responder(chat.Question, "outer")
        def outer(question: chat.Question) -> chat.Answer:
            return client.request(question, chat.Answer, "inner", SECONDS)

        assert client.request(ask("a"), chat.Answer, "outer", SECONDS).text == "a!"


def test_many_threads_ask(url: str) -> None:
    with mycelium.connect(url, schema=chat) as client:

        @client.responder(chat.Question)
        def answer(question: chat.Question) -> chat.Answer:
            return chat.Answer(text=question.text)

        wrong: List[Any] = []

        def work(name: int) -> None:
            for n in range(50):
                text = f"{name} {n}"
                if (
                    client.request(ask(text), chat.Answer, timeout_s=SECONDS).text
                    != text
                ):
                    wrong.append(text)

        workers = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert wrong == []


def test_a_reply_of_another_type(url: str) -> None:
    with mycelium.connect(url, schema=chat) as client:

        @client.responder(chat.Question)
        def answer(question: chat.Question) -> chat.TextMessage:
            return chat.TextMessage()

        with pytest.raises(mycelium.InvalidArgumentError) as raised:
            client.request(ask(""), chat.Answer, timeout_s=SECONDS)
        words = "request: a reply of type 1, asked for chat.Answer (type 3)"
        assert str(raised.value) == words


# --- asyncio


def test_coroutines_answer(url: str) -> None:
    async def main() -> None:
        async with mycelium.aio.connect(url, schema=chat) as client:
            together: List[int] = []
            running = 0

            async def answer(question: chat.Question) -> chat.Answer:
                nonlocal running
                running += 1
                together.append(running)
                await asyncio.sleep(0)
                running -= 1
                if question.text == "9":
                    raise mycelium.RequestError(Status.NOT_FOUND, "nine")
                return chat.Answer(text=question.text)

            responder = await client.respond(chat.Question, answer, concurrency=4)
            questions = [
                client.request(ask(str(n)), chat.Answer, timeout_s=SECONDS)
                for n in range(40)
            ]
            answers: List[Any] = await asyncio.gather(
                *questions, return_exceptions=True
            )
            assert [a.text for a in answers if isinstance(a, chat.Answer)] == [
                str(n) for n in range(40) if n != 9
            ]
            assert str(answers[9]) == "nine"
            assert 1 < max(together) <= 4
            responder.close()
            with pytest.raises(mycelium.RequestError):
                await client.request(ask(""), chat.Answer, timeout_s=SECONDS)

    asyncio.run(main())


def test_a_cancelled_task_cancels_its_request(url: str) -> None:
    async def main() -> None:
        async with mycelium.aio.connect(url, schema=chat) as client:
            calls: "asyncio.Queue[mycelium.Call]" = asyncio.Queue()

            async def answer(q: chat.Question, call: mycelium.Call) -> chat.Answer:
                calls.put_nowait(call)
                while q.text == "slow" and not call.cancelled:
                    await asyncio.sleep(0.001)
                return chat.Answer(text="done")

            await client.respond(chat.Question, answer, with_call=True)
            task = asyncio.ensure_future(client.request(ask("slow"), chat.Answer))
            call = await calls.get()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            reply = await client.request(ask(""), chat.Answer, timeout_s=SECONDS)
            assert (reply.text, call.cancelled) == ("done", True)
            with pytest.raises(mycelium.DeadlineExceededError):
                await client.request(ask("slow"), chat.Answer, timeout_s=0.01)

    asyncio.run(main())

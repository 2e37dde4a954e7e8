"""talk.cc in Python.

    talk.py URL NAME PARTNER...
"""

import sys
import time
from typing import List

import mycelium
import mycelium_protocol as chat

PATIENCE_S = 30.0


def ask(client: mycelium.Client, partner: str) -> chat.Answer:
    """Until somebody answers: a partner may have to start first."""
    end = time.monotonic() + PATIENCE_S
    question = chat.Question(text="who are you?")
    while True:
        try:
            return client.request(question, chat.Answer, partner, timeout_s=PATIENCE_S)
        except mycelium.RequestError as error:
            nobody = error.status == mycelium.StatusCode.NOT_FOUND
            if not nobody or time.monotonic() > end:
                raise
        time.sleep(0.02)


def talk(url: str, name: str, partners: List[str]) -> None:
    with mycelium.connect(url, schema=chat, name=name) as client:
        greetings = client.subscribe(chat.TextMessage, name)

        @client.responder(chat.Question, name)
        def answer(_: chat.Question) -> chat.Answer:
            return chat.Answer(text="a program in Python")

        for partner in partners:
            text = ask(client, partner).text
            print('%s asks %s who it is: "%s"' % (name, partner, text), flush=True)
            # Whoever answers has subscribed.
            hello = chat.TextMessage(sender=name, content="hello " + partner)
            client.publish(hello, partner)
        for _ in partners:
            greeting = greetings.next(PATIENCE_S)
            print(
                '%s hears %s say: "%s"' % (name, greeting.sender, greeting.content),
                flush=True,
            )
        client.flush(PATIENCE_S)


def main() -> int:
    if len(sys.argv) < 4:
        print("usage: talk.py URL NAME PARTNER...", file=sys.stderr)
        return 2
    try:
        talk(sys.argv[1], sys.argv[2], sys.argv[3:])
    except mycelium.Error as error:
        print("talk.py: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

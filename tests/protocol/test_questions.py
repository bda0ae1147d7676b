"""What the endpoint asks from within a request, and what the client asks from within that."""

import pytest

from rproxy_endpoint.protocol.errors import ProtocolFault
from rproxy_endpoint.protocol.messages import KINDS, WITHIN, Call, Reply

from .test_peer import CALL, asked, carry, raw, raw_bytes

QUESTION = Call(7, "", (), {}, None, False)


def ask(endpoint, within=1, message=QUESTION):
    """The bytes of an endpoint's question, and its number."""
    number = endpoint.number()
    return b"".join([endpoint.within(within), *endpoint.send(message, number)]), number


def test_an_endpoint_asks_from_within_a_request_and_is_answered_under_its_own_number():
    client, endpoint, _ = asked()
    data, number = ask(endpoint)
    (question,) = client.feed(data)
    assert (question.within, question.call, client.read(question).target) == (1, 1, 7)
    assert (client.asked, endpoint.asked) == ({1}, {1})
    (answer,) = carry(client, endpoint, Reply("from here"), number)
    assert endpoint.read(answer) == Reply("from here")
    assert (client.asked, endpoint.asked) == (set(), set())
    assert (client.waiting, endpoint.waiting) == ({1}, {1})


def test_a_client_may_ask_from_within_a_question():
    client, endpoint, _ = asked()
    (question,) = client.feed(ask(endpoint)[0])
    number = client.number()
    data = client.within(question.call) + b"".join(client.send(CALL, number))
    (nested,) = endpoint.feed(data)
    assert (nested.call, nested.within) == (2, 1)


@pytest.mark.parametrize("place", [1, 15, 16, 20])
def test_what_a_request_is_asked_from_may_come_apart_from_it(place):
    client, endpoint, _ = asked()
    data, _ = ask(endpoint)
    frames = client.feed(data[:place]) + client.feed(data[place:])
    assert [frame.within for frame in frames] == [1]
    (answer,) = carry(endpoint, client, Reply(1), 1)
    assert answer.within == 0


def test_a_question_that_was_never_sent_can_be_forgotten():
    _, endpoint, _ = asked()
    endpoint.forget(endpoint.number())
    assert endpoint.asked == set()


def test_a_question_from_within_no_request_is_a_fault():
    client, _, _ = asked()
    with pytest.raises(ProtocolFault, match="request 1 of an endpoint from within none"):
        client.feed(raw(KINDS[Call], 1, tuple(CALL)))


@pytest.mark.parametrize("number", [0, 2])
def test_a_question_from_within_a_request_that_does_not_run_is_a_fault(number):
    client, _, _ = asked()
    with pytest.raises(ProtocolFault, match=f"within request {number}, which does not run"):
        client.feed(raw_bytes(WITHIN, number, b""))


def test_a_within_has_no_body():
    client, _, _ = asked()
    with pytest.raises(ProtocolFault, match="kind 10 with a body"):
        client.feed(raw_bytes(WITHIN, 1, b"x"))


@pytest.mark.parametrize("second", [raw_bytes(WITHIN, 1, b""), raw(KINDS[Reply], 1, (1,))], ids=["within", "reply"])
def test_only_a_request_follows_a_within(second):
    client, endpoint, _ = asked()
    with pytest.raises(ProtocolFault, match="where a request was announced"):
        client.feed(endpoint.within(1) + second)


def test_the_number_of_a_question_is_used_once():
    client, endpoint, _ = asked()
    data, _ = ask(endpoint)
    client.feed(data)
    with pytest.raises(ProtocolFault, match="request 1 came after request 1"):
        client.feed(data)


def test_an_answer_to_no_question_is_a_fault():
    _, endpoint, _ = asked()
    with pytest.raises(ProtocolFault, match="an answer to request 1, which waits for none"):
        endpoint.feed(raw(KINDS[Reply], 1, (1,)))

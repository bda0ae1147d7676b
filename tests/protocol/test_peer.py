"""Two peers and the bytes between them: who may say what, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rproxy_endpoint.protocol import VERSION
from rproxy_endpoint.protocol.errors import ProtocolFault, ValueFault
from rproxy_endpoint.protocol.frames import Limits, encode
from rproxy_endpoint.protocol.jsoned import JsonCodec
from rproxy_endpoint.protocol.messages import (
    CANCEL,
    KINDS,
    OUTPUT,
    PING,
    PONG,
    Call,
    Describe,
    Failure,
    Hello,
    Output,
    Provide,
    Release,
    Reply,
)
from rproxy_endpoint.protocol.peer import Peer
from rproxy_endpoint.protocol.pickled import PickleCodec
from rproxy_endpoint.protocol.values import Side

CALL = Call("os", "getenv", ("HOME",), {}, None, False)


def raw(kind, call, value=(), codec=None):
    body, buffers = (codec or JsonCodec()).dumps(value, Side())
    return b"".join(encode(kind, call, body, buffers))


def pair(limits=None):
    """A client and an endpoint that have greeted each other."""
    options = () if limits is None else (limits,)
    client, endpoint = Peer("client", Side(), *options), Peer("endpoint", Side(), *options)
    assert endpoint.feed(b"".join(client.greet({"name": "c"}))) == []
    assert client.feed(b"".join(endpoint.greet({"name": "e"}))) == []
    return client, endpoint


def carry(sender, receiver, message, call=0):
    return receiver.feed(b"".join(sender.send(message, call)))


def asked():
    """A pair with request 1 under way."""
    client, endpoint = pair()
    (frame,) = carry(client, endpoint, CALL, client.number())
    return client, endpoint, frame


# -- a conversation ------------------------------------------------------------------------------------


def test_a_hello_tells_facts_and_the_version_and_is_kept_by_the_peer():
    client, endpoint = pair()
    assert client.hello == {"name": "e", "protocol": VERSION}
    assert endpoint.hello == {"name": "c", "protocol": VERSION}


@pytest.mark.parametrize("codec", [JsonCodec(), PickleCodec()], ids=["json", "pickle"])
def test_a_request_and_its_reply_travel_by_the_chosen_codec(codec):
    client, endpoint = pair()
    client.codec = endpoint.codec = codec
    (request,) = carry(client, endpoint, CALL, client.number())
    assert endpoint.read(request) == CALL
    assert (client.waiting, endpoint.waiting) == ({1}, {1})
    (reply,) = carry(endpoint, client, Reply("/home/me"), request.call)
    assert client.read(reply) == Reply("/home/me")
    assert (client.waiting, endpoint.waiting) == (set(), set())


def test_output_before_the_answer_belongs_to_the_request():
    client, endpoint, request = asked()
    (frame,) = carry(endpoint, client, Output(2, b"\xff\x00said"), request.call)
    assert (frame.call, client.read(frame)) == (1, Output(2, b"\xff\x00said"))
    assert client.waiting == {1}


def test_output_of_no_call_has_number_0():
    client, endpoint = pair()
    (frame,) = carry(endpoint, client, Output(1, b"from a thread"))
    assert (frame.call, client.read(frame)) == (0, Output(1, b"from a thread"))


def raw_bytes(kind, call, body):
    return b"".join(encode(kind, call, [body], []))


def test_notices_need_no_number():
    client, endpoint = pair()
    frames = carry(client, endpoint, Release(((3, 1),))) + carry(client, endpoint, Provide("modules", {"m": "x = 1"}))
    assert [endpoint.read(frame) for frame in frames] == [Release(((3, 1),)), Provide("modules", {"m": "x = 1"})]


def test_bytes_may_be_received_into_the_peers_own_buffer():
    client, endpoint = pair()
    data = b"".join(client.send(CALL, client.number()))
    endpoint.buffer()[: len(data)] = data
    (frame,) = endpoint.received(len(data))
    assert endpoint.read(frame) == CALL


def test_a_request_that_was_never_sent_can_be_forgotten():
    client, endpoint = pair()
    client.forget(client.number())
    assert client.waiting == set()
    (frame,) = carry(client, endpoint, CALL, client.number())
    assert frame.call == 2


# -- what breaks it ------------------------------------------------------------------------------------


def test_a_message_before_the_hello_is_a_fault():
    with pytest.raises(ProtocolFault, match="kind 2 before the Hello"):
        Peer("endpoint", Side()).feed(raw(KINDS[Call], 1, tuple(CALL)))


def test_a_second_hello_is_a_fault():
    _, endpoint = pair()
    with pytest.raises(ProtocolFault, match="kind 1"):
        endpoint.feed(b"".join(Peer("client", Side()).greet({})))


@pytest.mark.parametrize(
    "fields",
    [(), ("text",), ({},), ({"protocol": "1"},), ({"protocol": True},), ({"protocol": 1}, 2), [{"protocol": 1}], 7],
)
def test_what_is_no_hello_is_a_fault(fields):
    with pytest.raises(ProtocolFault, match="Hello"):
        Peer("client", Side()).feed(raw(KINDS[Hello], 0, fields))


def test_a_hello_that_is_no_json_is_a_fault():
    with pytest.raises(ProtocolFault, match="not a Hello"):
        Peer("client", Side()).feed(raw_bytes(KINDS[Hello], 0, b"\x80\x05}."))


def test_another_version_is_a_fault_that_names_both():
    with pytest.raises(ProtocolFault, match=f"speaks protocol 99, this one {VERSION}"):
        Peer("client", Side()).feed(raw(KINDS[Hello], 0, ({"protocol": 99},)))


@pytest.mark.parametrize("message", [Describe("os", "", False, None), Release(()), Provide("modules", {})])
def test_a_client_takes_no_message_of_a_clients(message):
    client, _ = pair()
    client.number()
    with pytest.raises(ProtocolFault, match="other side"):
        client.feed(raw(KINDS[type(message)], 1, tuple(message)))


@pytest.mark.parametrize("message", [Output(1, b"")])
def test_an_endpoint_takes_no_message_of_an_endpoints(message):
    _, endpoint = pair()
    with pytest.raises(ProtocolFault, match="other side"):
        endpoint.feed(raw(KINDS[type(message)], 1, tuple(message)))


@pytest.mark.parametrize("kind", [0, 11, 15, 20, 255])
@pytest.mark.parametrize("role", [0, 1])
def test_an_unknown_kind_is_a_fault(kind, role):
    with pytest.raises(ProtocolFault, match=f"kind {kind} "):
        pair()[role].feed(raw(kind, 1))


@pytest.mark.parametrize("number", [0, 1])
def test_the_number_of_a_request_is_used_once_and_grows(number):
    _, endpoint, _ = asked()
    with pytest.raises(ProtocolFault, match=f"request {number} came after request 1"):
        endpoint.feed(raw(KINDS[Call], number, tuple(CALL)))


def test_an_answer_to_no_request_is_a_fault():
    client, _, _ = asked()
    with pytest.raises(ProtocolFault, match="answer to request 2"):
        client.feed(raw(KINDS[Reply], 2, (1,)))


def test_a_second_answer_is_a_fault():
    client, endpoint, request = asked()
    carry(endpoint, client, Reply(1), request.call)
    with pytest.raises(ProtocolFault, match="answer to request 1"):
        client.feed(raw(KINDS[Reply], 1, (1,)))


def test_an_answer_with_number_0_is_a_fault():
    client, _, _ = asked()
    with pytest.raises(ProtocolFault, match="answer to request 0"):
        client.feed(raw(KINDS[Reply], 0, (1,)))


def test_output_of_a_request_that_was_answered_is_a_fault():
    client, endpoint, request = asked()
    carry(endpoint, client, Reply(1), request.call)
    with pytest.raises(ProtocolFault, match="request 1"):
        client.feed(raw_bytes(KINDS[Output], 1, b"\x01late"))


def test_after_a_fault_everything_is_refused_with_the_same_fault():
    client, _ = pair()
    with pytest.raises(ProtocolFault) as first:
        client.feed(b"garbage that is no frame")
    for refused in (lambda: client.feed(b""), lambda: client.received(0), lambda: client.send(CALL, 1)):
        with pytest.raises(ProtocolFault) as again:
            refused()
        assert again.value is first.value


def test_the_end_between_messages_is_sound():
    client, _ = pair()
    client.ended()
    assert client.send(CALL, client.number())


@pytest.mark.parametrize("size", [1, 15, 16, 20])
def test_the_end_in_the_middle_of_a_message_is_a_fault(size):
    client, _, _ = asked()
    client.feed(raw(KINDS[Reply], 1, ("x" * 100,))[:size])
    with pytest.raises(ProtocolFault, match="in the middle"):
        client.ended()
    with pytest.raises(ProtocolFault, match="in the middle"):
        client.feed(b"")


# -- what does not break it ----------------------------------------------------------------------------


def test_a_value_that_cannot_be_sent_leaves_the_session_sound():
    client, endpoint, request = asked()
    with pytest.raises(ValueFault):
        endpoint.send(Reply(object()), request.call)
    assert endpoint.waiting == {1}
    (frame,) = carry(endpoint, client, Failure({"fault": "result"}), request.call)
    assert client.read(frame) == Failure({"fault": "result"})


def test_a_message_over_the_limit_leaves_the_session_sound():
    client, endpoint = pair(Limits(frame=500, buffers=3))
    (request,) = carry(client, endpoint, CALL, client.number())
    with pytest.raises(ValueFault, match="more than one message may have"):
        endpoint.send(Reply("x" * 1000), request.call)
    assert endpoint.waiting == {1}
    (frame,) = carry(endpoint, client, Reply("short"), request.call)
    assert client.read(frame) == Reply("short")


@pytest.mark.parametrize(
    "body", [b"", b"no json", b'{"~":["tuple"]}', b'{"~":["tuple",1,2]}', b"[1]", b'{"~":["nonsense"]}', b"\xff"]
)
def test_a_reply_that_cannot_be_rebuilt_leaves_the_session_sound(body):
    client, endpoint, _ = asked()
    (frame,) = client.feed(raw_bytes(KINDS[Reply], 1, body))
    with pytest.raises(ValueFault):
        client.read(frame)
    (request,) = carry(client, endpoint, CALL, client.number())
    (reply,) = carry(endpoint, client, Reply("sound"), request.call)
    assert client.read(reply) == Reply("sound")


@pytest.mark.parametrize("error", [None, [], "text", 5])
def test_a_failure_that_is_no_dictionary_is_a_value_fault(error):
    client, _, _ = asked()
    (frame,) = client.feed(raw(KINDS[Failure], 1, (error,)))
    with pytest.raises(ValueFault, match="a Failure has fields of other types"):
        client.read(frame)


# -- strangers' bytes ----------------------------------------------------------------------------------

TIGHT = Limits(frame=1 << 16, buffers=10)


def conversation(role):
    """The valid bytes that a peer of this role receives."""
    client, endpoint = Peer("client", Side()), Peer("endpoint", Side())
    values = ["text", {"a": (1, 2.5)}, b"\x00" * 40, [None, {1}], 10**30]
    if role == "endpoint":
        sent = [Call("m", "f", (value,), {"k": value}, None, False) for value in values]
        return b"".join(b"".join(p) for p in [client.greet({}), *[client.send(m, client.number()) for m in sent]])
    answers = [endpoint.send(Reply(value), place + 1) for place, value in enumerate(values)]
    said = [endpoint.send(Output(1, b"said"), 1), *answers, endpoint.send(Failure({"text": "x"}), 6)]
    return b"".join(b"".join(pieces) for pieces in [endpoint.greet({}), *said])


def survives(role, data):
    """Feeds bytes to a fresh peer and reads whatever comes: only the two faults may be raised. Returns whether it is
    whole then, or refuses everything."""
    peer = Peer(role, Side(), TIGHT)
    for _ in range(6):
        peer.number() if role == "client" else None
    try:
        for frame in peer.feed(data):
            try:
                peer.read(frame)
            except ValueFault:
                continue
        peer.ended()
    except ProtocolFault:
        with pytest.raises(ProtocolFault):
            peer.feed(b"x")
        return True
    return peer.idle


@pytest.mark.parametrize("role", ["client", "endpoint"])
@given(data=st.binary(max_size=500))
def test_random_bytes_give_faults_and_nothing_else(role, data):
    assert survives(role, data)
    assert survives(role, conversation(role)[:60] + data)


@pytest.mark.parametrize("role", ["client", "endpoint"])
def test_a_conversation_that_is_cut_anywhere_gives_faults_and_nothing_else(role):
    whole = conversation(role)
    for cut in range(len(whole)):
        assert survives(role, whole[:cut])


@pytest.mark.parametrize("role", ["client", "endpoint"])
@given(data=st.data())
def test_a_mutated_conversation_gives_faults_and_nothing_else(role, data):
    mutated = bytearray(conversation(role))
    for place, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(mutated) - 1), st.integers(0, 255)), max_size=4)
    ):
        mutated[place] = byte
    assert survives(role, bytes(mutated))


@pytest.mark.parametrize(
    ("body", "buffers"), [(b"", []), (b"\x00x", []), (b"\x07x", []), (b"\x01x", [memoryview(b"y")])]
)
def test_output_of_no_stream_is_a_fault(body, buffers):
    client, _ = pair()
    with pytest.raises(ProtocolFault, match="an Output of no stream"):
        client.feed(b"".join(encode(OUTPUT, 0, [body], buffers)))


def test_frames_without_a_body_are_each_roles_own():
    client, endpoint = pair()
    number = client.number()
    request = b"".join(client.send(CALL, number))
    assert [frame.kind for frame in endpoint.feed(request + client.bare(CANCEL, number) + client.bare(PING))] == [
        KINDS[Call], CANCEL, PING,
    ]  # fmt: skip
    assert [frame.kind for frame in client.feed(endpoint.bare(PONG))] == [PONG]
    with pytest.raises(ProtocolFault, match="of kind 13"):
        endpoint.feed(client.bare(PONG))


def test_only_a_request_that_came_can_be_cancelled():
    client, endpoint = pair()
    with pytest.raises(ProtocolFault, match="an end of request 7, which never came"):
        endpoint.feed(client.bare(CANCEL, 7))


def test_a_request_that_has_its_answer_may_still_be_cancelled():
    client, endpoint = pair()
    number = client.number()
    endpoint.feed(b"".join(client.send(CALL, number)))
    endpoint.send(Reply(1), number)
    assert [frame.call for frame in endpoint.feed(client.bare(CANCEL, number))] == [number]

"""Replies whose first bytes travel while the rest is pickled."""

import pickle
import pickletools

import pytest

from rproxy.joining import JoiningPeer
from rproxy.scanning import Scanned, is_easy, is_plain
from rproxy.trust import GuardedDecoder
from rproxy_endpoint.protocol import pickled
from rproxy_endpoint.protocol.errors import ProtocolFault, ValueFault
from rproxy_endpoint.protocol.frames import Limits, encode
from rproxy_endpoint.protocol.jsoned import JsonCodec
from rproxy_endpoint.protocol.memory import LARGE
from rproxy_endpoint.protocol.messages import KINDS, PART, Call, Failure, Reply
from rproxy_endpoint.protocol.peer import Peer
from rproxy_endpoint.protocol.pickled import ENOUGH, PickleCodec, TableEncoder
from rproxy_endpoint.protocol.values import Side

CODEC = PickleCodec(decoder=GuardedDecoder, is_plain=is_plain)
CALL = Call("m", "f", (), {}, None, False)
TEXTS = {f"key {place}": f"value {place}" for place in range(20_000)}
NUMBERS = list(range(100_000))


class Unwilling:
    """Can be pickled by nobody."""

    def __reduce__(self):
        raise RuntimeError("not me")


class Willing(Side):
    def foreign(self, obj, parcel):
        return None


def asked(calls=1, limits=None):
    """A client and an endpoint, and so many requests under way."""
    options = () if limits is None else (limits,)
    client, endpoint = JoiningPeer("client", Side(), *options), Peer("endpoint", Willing())
    endpoint.feed(b"".join(client.greet({})))
    assert client.feed(b"".join(endpoint.greet({}))) == []
    client.codec = endpoint.codec = CODEC
    for _ in range(calls):
        endpoint.feed(b"".join(client.send(CALL, client.number())))
    return client, endpoint


def in_parts(endpoint, value, call=1):
    """The bytes of a reply: those of each part, and of the last frame."""
    parts = []

    def ahead(pieces):
        parts.append(b"".join(endpoint.seal((PART, pieces, []), call)))

    last = b"".join(endpoint.send(Reply(value), call, ahead))
    return parts, last


def part(call, data):
    return b"".join(encode(PART, call, [data], []))


# -- what goes ahead -----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", [PickleCodec(), PickleCodec(4, encoder=TableEncoder)], ids=["new", "old"])
def test_the_pieces_of_a_large_body_are_the_same_given_away_or_not(encoder):
    given = []
    rest, _ = encoder.dumps((TEXTS,), Side(), lambda pieces: given.append(b"".join(pieces)))
    assert len(given) > 3
    assert all(len(one) >= ENOUGH for one in given[:1])
    assert b"".join([*given, *rest]) == b"".join(encoder.dumps((TEXTS,), Side())[0])


@pytest.mark.parametrize("value", [None, "x", list(range(1000))], ids=["none", "text", "list"])
def test_of_what_is_small_nothing_goes_ahead(value):
    given = []
    CODEC.dumps((value,), Side(), given.append)
    assert given == []


def test_what_is_large_by_itself_travels_at_the_end_with_all_after_it():
    given, text = [], "x" * LARGE
    rest, _ = CODEC.dumps(([TEXTS, text, NUMBERS],), Side(), lambda pieces: given.append(b"".join(pieces)))
    assert 0 < sum(map(len, given)) < 2 * len(pickle.dumps(TEXTS, 5))
    assert any(len(piece) == LARGE for piece in rest)
    assert pickle.loads(b"".join([*given, *rest])) == ([TEXTS, text, NUMBERS],)


def test_no_more_goes_ahead_than_a_receiver_has_memory_for_twice(monkeypatch):
    monkeypatch.setattr(pickled, "MOST", 200_000)
    client, endpoint = asked()
    value = [NUMBERS, TEXTS, ["x" * 100_000 for _ in range(100)]]
    parts, last = in_parts(endpoint, value)
    assert 100_000 < sum(map(len, parts)) < 300_000
    assert len(last) > 10_000_000
    (frame,) = client.feed(b"".join([*parts, last]))
    assert client.read(frame) == Reply(value)


def test_an_encoder_gives_nothing_away_for_those_after_it():
    codec, given = PickleCodec(), []
    codec.dumps(([0] * 1000,), Side(), given.append)
    pieces, _ = codec.dumps((TEXTS,), Side())
    assert given == []
    assert pickle.loads(b"".join(pieces)) == (TEXTS,)


def test_json_travels_as_a_whole():
    given = []
    pieces, _ = JsonCodec().dumps((TEXTS,), Side(), given.append)
    assert (len(pieces), given) == (1, [])


# -- what comes of it ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [TEXTS, NUMBERS, [(one, str(one)) for one in NUMBERS], [TEXTS, "x" * LARGE]],
                         ids=["texts", "numbers", "pairs", "large at the end"])  # fmt: skip
def test_a_reply_in_parts_is_one_reply(value):
    client, endpoint = asked()
    parts, last = in_parts(endpoint, value)
    assert [client.feed(one) for one in parts] == [[]] * len(parts) != []
    (frame,) = client.feed(last)
    assert (frame.kind, frame.call) == (KINDS[Reply], 1)
    assert client.read(frame) == Reply(value)
    assert (client.waiting, endpoint.waiting, client._parts) == (set(), set(), {})


def test_parts_of_several_replies_may_come_in_turns():
    client, endpoint = asked(2)
    values = [TEXTS, NUMBERS]
    (first, one), (second, two) = (in_parts(endpoint, value, place + 1) for place, value in enumerate(values))
    mixed = [piece for pair in zip(first, second, strict=False) for piece in pair]
    mixed += first[len(second) :] + second[len(first) :] + [two, one]
    frames = [frame for piece in mixed for frame in client.feed(piece)]
    assert [frame.call for frame in frames] == [2, 1]
    assert [client.read(frame).value for frame in frames] == [NUMBERS, TEXTS]


def test_bytes_and_buffers_of_a_reply_in_parts_stay_apart():
    client, endpoint = asked()
    value = [TEXTS, bytearray(b"b" * 100_000), NUMBERS]
    parts, last = in_parts(endpoint, value)
    (frame,) = client.feed(b"".join([*parts, last]))
    assert client.read(frame) == Reply(value)


def test_a_failure_takes_the_place_of_the_parts_before_it():
    client, endpoint = asked(2)
    parts = []
    with pytest.raises(ValueFault, match="RuntimeError: not me"):
        endpoint.send(Reply([TEXTS, Unwilling()]), 1, lambda pieces: parts.append(b"".join(pieces)))
    assert parts
    for one in parts:
        client.feed(part(1, one))
    (frame,) = client.feed(b"".join(endpoint.send(Failure({"text": "not me"}), 1)))
    assert client.read(frame) == Failure({"text": "not me"})
    assert client._parts == {}
    (frame,) = client.feed(b"".join(endpoint.send(Reply("after"), 2)))
    assert client.read(frame) == Reply("after")


def test_memory_of_a_large_end_is_given_back_as_it_is_joined():
    client, endpoint = asked()
    value = [TEXTS, "x" * (3 * LARGE + 5)]
    parts, last = in_parts(endpoint, value)
    (frame,) = client.feed(b"".join([*parts, last]))
    assert len(frame.body) > 3 * LARGE
    assert client.read(frame) == Reply(value)


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [0, 2, 7])
def test_a_part_for_no_request_is_a_fault(call):
    client, _ = asked()
    with pytest.raises(ProtocolFault, match=f"an answer to request {call}, which waits for none"):
        client.feed(part(call, b"x"))


def test_a_part_with_buffers_is_a_fault():
    client, _ = asked()
    with pytest.raises(ProtocolFault, match="a part of an answer with buffers"):
        client.feed(b"".join(encode(PART, 1, [b"x"], [memoryview(b"y")])))


def test_a_part_from_a_client_is_a_fault():
    _, endpoint = asked()
    with pytest.raises(ProtocolFault, match="a message of kind 14"):
        endpoint.feed(part(1, b"x"))


def test_a_part_after_its_reply_is_a_fault():
    client, endpoint = asked()
    client.feed(b"".join(endpoint.send(Reply(1), 1)))
    with pytest.raises(ProtocolFault, match="an answer to request 1, which waits for none"):
        client.feed(part(1, b"x"))


@pytest.mark.parametrize("last", [part(1, b"x" * 60), b"".join(encode(KINDS[Reply], 1, [b"x" * 60], []))],
                         ids=["part", "reply"])  # fmt: skip
def test_parts_that_come_to_more_than_a_message_may_have_are_a_fault(last):
    client, _ = asked(limits=Limits(frame=100, buffers=10))
    client.feed(part(1, b"x" * 60))
    with pytest.raises(ProtocolFault, match="in parts has 120 bytes, more than the limit"):
        client.feed(last)


# -- reading as they come ------------------------------------------------------------------------------

VALUES = [
    ({"k": "v", "long": "x" * 300, "n": [1, 300, 70_000, -5, 2.5, None, True, 1 << 80], "b": b"b" * 256},),
    ([("pair", 1), ("x" * 300, [2, {"k": b"v"}])],),
    (["x" * 70_000, 1],),
    ({(1, 2): 3},),  # of no easy form
    ({1, 2}, frozenset({3})),
]


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_pickle_that_is_cut_anywhere_is_seen_as_the_whole_is(value, protocol):
    body = pickle.dumps(value, protocol)
    places = range(len(body)) if len(body) < 2000 else [*range(700), *range(len(body) - 300, len(body))]
    for place in places:
        scanned = Scanned()
        scanned.add(body[:place])
        scanned.add(body[place:])
        assert bytes(scanned) == body
        assert scanned.easy == is_easy(body), place


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_pickle_in_many_parts_is_seen_as_the_whole_is(value, size):
    body = pickle.dumps(value, 5)
    scanned = Scanned()
    for start in range(0, len(body), size):
        scanned.add(body[start : start + size])
    assert scanned.easy == is_easy(body)


def test_what_would_run_code_is_refused_in_whatever_part_it_comes():
    body = pickle.dumps((["text", 1, 70_000] * 10,), 5)
    places = [place for code, _, place in pickletools.genops(body) if code.name not in ("FRAME", "PROTO")]
    for place in places:
        bad = body[:place] + b"\x82\x01" + body[place:]
        for cut in (place, place + 1, place + 2):
            client, _ = asked()
            client.feed(part(1, bad[:cut]))
            (frame,) = client.feed(b"".join(encode(KINDS[Reply], 1, [bad[cut:]], [])))
            with pytest.raises(ValueFault, match="operation EXT1,"):
                client.read(frame)

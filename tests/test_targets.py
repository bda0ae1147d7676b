"""From URLs of hosts to their connectors: what is read of them, and what is refused."""

from urllib.parse import urlsplit

import pytest

import rproxy
from rproxy.targets import address_of, connector_for

pytestmark = pytest.mark.once

ADDRESSES = {
    "ssh://host": ("host", None, None),
    "ssh://My_Box": ("My_Box", None, None),
    "ssh://me@host:2222": ("host", "me", 2222),
    "ssh://me@host/": ("host", "me", None),
    "ssh://first%40last@host": ("host", "first@last", None),
    "ssh://first@last@host": ("host", "first@last", None),
    "ssh://[::1]:22": ("::1", None, 22),
    "ssh://[fe80::1%25eth0]": ("fe80::1%eth0", None, None),
    "ssh://[fe80::1%eth0]": ("fe80::1%eth0", None, None),
    "ssh://CORP%5Cme@host": ("host", "CORP\\me", None),
    "ssh://10.0.0.1": ("10.0.0.1", None, None),
}


@pytest.mark.parametrize("target", ADDRESSES)
def test_an_address_is_read_as_it_was_written(target):
    assert tuple(address_of(urlsplit(target))) == ADDRESSES[target]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("ssh://", "is no address; write ssh://"),
        ("ssh://me@", "is no address"),
        ("ssh://@host", "is no address"),
        ("ssh://host/path", "is no address"),
        ("ssh://host?x=y", "is no address"),
        ("ssh://host:ssh", "no port that can be meant"),
        ("ssh://host:70000", "no port that can be meant"),
        ("ssh://host:0", "port 0"),
        ("ssh://me:secret@host", "use password="),
        ("ssh://-oProxyCommand=x", "is no host for ssh"),
        ("ssh://%2DoProxyCommand=x", "is no host for ssh"),
        ("ssh://-lroot@host", "is no user for ssh"),
        ("ssh://host%20name", "is no host for ssh"),
        ("ssh://a;id@host", "is no user for ssh"),
        ("ssh://host`id`", "is no host for ssh"),
        ("ssh://::1", "'ssh://::1' is no address.*brackets around an IPv6 address"),
        ("ssh://[::1", "'ssh://\\[::1' is no target.*write such as ssh://me@host or ssh://\\[::1\\]:22"),
        ("ssh://[host]", "is no target.*write such as"),
        ("me@host", "'me@host' is no target: write scheme://..., such as ssh://me@host"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(target, message):
    with pytest.raises(ValueError, match=message) as caught:
        rproxy.connect(target)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"identiy": "x"}, TypeError, r"ssh:// has no option 'identiy'; did you mean 'identity'\?"),
        ({"options": "Compression=yes"}, TypeError, "options is a dict"),
        ({"options": {"Bad Name": 1}}, ValueError, "is no name of an option of ssh"),
        ({"options": {"Compression": "yes\nProxyCommand x"}}, ValueError, "holds a line end"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_before_anything_is_sent(options, error, message):
    with pytest.raises(error, match=message):
        rproxy.connect("ssh://no-such-host.invalid", **options)


def test_a_user_is_not_given_twice():
    with pytest.raises(TypeError, match="user is given twice"):
        connector_for("ssh://me@host", {"user": "you"})


def test_errors_call_a_host_by_its_url():
    connector = connector_for("ssh://me@[::1]:2222", {})
    assert connector.target == "ssh://me@[::1]:2222"
    connector.close()

"""What paramiko:// reads in an ssh_config, held against what the system's own ssh reads in it where that tells."""

import getpass
import os
import subprocess

import pytest

from rproxy.connectors.paramiko.settings import Options, settings_for, split_jump
from rproxy.errors import ConnectorError

from .sshd import program

pytestmark = pytest.mark.once


@pytest.fixture
def read(write_config):
    """`read(text, host="box", user=None, port=None)` is what a configuration says of a host."""

    def settings(text, host="box", user=None, port=None, **options):
        return settings_for(host, user, port, Options(ssh_config=write_config(text), **options))

    return settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with an empty ~/.ssh."""
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_host_without_a_section_is_what_it_is_called(read):
    found = read("")
    assert (found.hostname, found.port, found.user) == ("box", 22, getpass.getuser())


def test_a_section_names_the_host_the_user_and_the_port(read):
    found = read("Host box\n  HostName box.example.org\n  User me\n  Port 2222")
    assert found.address == "me@box.example.org:2222"


def test_what_the_url_says_holds_over_the_file(read):
    found = read("Host box\n  User me\n  Port 2222", user="you", port=2200)
    assert found.address == "you@box:2200"


CONFIGS = {
    "the first value holds": "Host b*\n Port 1\nHost box\n Port 2\n User x",
    "a section ends the one before": "Host box\n Port 1\nHost other\n Port 2\nUser x",
    "patterns with question marks": "Host b?x\n Port 1\nHost b?\n Port 2",
    "an excepted host": "Host * !box\n Port 1\nHost *\n Port 2",
    "several patterns": "Host one box two\n Port 1",
    "no difference of case in keywords": "HOST box\n pORT 1",
    "a difference of case in names": "Host BOX\n Port 1\nMatch host BOX\n Port 2",
    "an equals sign": "Host=box\nPort=1\nUser = me",
    "quotes": 'Host "box"\n User "me"',
    "comments": "# a comment\nHost box # it's one\n Port 1 # too",
    "tabs and blanks": "\n\tHost\tbox  \n\t\tPort\t1\t\n",
    "the name in HostName": "Host box\n HostName %h.example.org",
    "a percent sign": "Host box\n HostName a%%b",
    "Match all": "Match all\n Port 1",
    "Match host follows HostName": "Host box\n HostName real\nMatch host real\n Port 1\nMatch host box\n Port 2",
    "Match originalhost": "Host box\n HostName real\nMatch originalhost box\n Port 1",
    "Match user": "Host box\n User me\nMatch user me,you\n Port 1",
    "Match localuser": f"Match localuser {getpass.getuser()}\n Port 1",
    "Match not": "Match !host box\n Port 1\nMatch !host other\n Port 2",
    "Match exec": 'Match exec "test %n = box"\n Port 1',
    "Match exec fails": 'Match exec "test %n = other"\n Port 1',
    "Match of several": "Match host box user nobody\n Port 1\nMatch host box exec true\n Port 2",
    "Match with an equals sign": "Match host=box\n Port 1\nMatch !host=box\n User me",
    "Match final": "Match final host real\n Port 1\nHost box\n HostName real",
}


@pytest.mark.parametrize("text", CONFIGS.values(), ids=CONFIGS)
def test_a_file_means_what_it_means_to_openssh(read, write_config, text):
    found = read(text)
    shown = subprocess.run(
        [program("ssh", "openssh-client"), "-G", "-F", write_config(text), "box"],
        check=True, capture_output=True, text=True, timeout=30,
    ).stdout  # fmt: skip
    theirs = dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)
    assert (found.hostname, str(found.port), found.user) == (theirs["hostname"], theirs["port"], theirs["user"])


def test_a_match_on_what_is_not_known_never_matches(read):
    text = "Match version 9\n Port 1\nMatch !version 9\n Port 2\nMatch localnetwork 127.0.0.0/8\n Port 3"
    assert read(text).port == 22


# -- Include -------------------------------------------------------------------------------------------


def test_included_files_are_read_where_they_stand(read, home):
    (home / ".ssh" / "more").write_text("Host box\n Port 1\n")
    assert read("Include more\nHost box\n Port 2").port == 1
    assert read("Host box\n Port 2\nInclude more").port == 2


def test_an_include_in_a_section_holds_for_that_section(read, home):
    (home / ".ssh" / "more").write_text("Host *\n Port 1\n")
    assert read("Host other\n Include more\nHost box\n User me").port == 22
    assert read("Host box\n Include more").port == 1


def test_a_section_goes_on_after_an_include(read, home):
    (home / ".ssh" / "more").write_text("Host other\n User you\n")
    found = read("Host box\n Include more\n Port 1")
    assert (found.port, found.user) == (1, getpass.getuser())


def test_an_include_takes_patterns_in_the_order_of_their_names(read, home, tmp_path):
    for number in (2, 1):
        (tmp_path / f"{number}.conf").write_text(f"Host box\n Port {number}\n")
    assert read(f"Include {tmp_path}/nothing {tmp_path}/*.conf").port == 1


def test_an_included_file_includes_others(read, home):
    (home / ".ssh" / "a").write_text("Include ~/.ssh/b\n")
    (home / ".ssh" / "b").write_text("Port 1\n")
    assert read("Include a").port == 1


def test_a_file_that_includes_itself_is_an_error(read, home):
    (home / ".ssh" / "a").write_text("Include a\n")
    with pytest.raises(ConnectorError, match="does it include itself"):
        read("Include a")


def test_the_users_file_is_read_unless_another_is_named(home):
    (home / ".ssh" / "config").write_text("Host box\n Port 1\n")
    assert settings_for("box", None, None, Options()).port == 1
    assert settings_for("box", None, None, Options(ssh_config="none")).port == 22


# -- values --------------------------------------------------------------------------------------------


def test_keys_add_up_and_their_names_are_expanded(read, home, monkeypatch):
    monkeypatch.setenv("KEYS", "/keys")
    text = 'Host box\n IdentityFile ~/"a b"\n IdentityFile %d/%r@%h\nHost *\n User me\n IdentityFile ${KEYS}/c'
    assert read(text).identities == [f"{home}/a b", f"{home}/me@box", "/keys/c"]


def test_keys_of_the_option_come_first(read, home):
    assert read("IdentityFile /b", identity=["/a"]).identities == ["/a", "/b"]


def test_the_usual_keys_are_tried_where_none_is_named(read, home):
    found = read("")
    assert found.identities == [f"{home}/.ssh/id_ed25519", f"{home}/.ssh/id_ecdsa", f"{home}/.ssh/id_rsa"]


def test_the_known_hosts_of_the_option_take_the_place_of_the_files(read):
    assert read("UserKnownHostsFile /a /b").known_hosts == ["/a", "/b"]
    assert read("UserKnownHostsFile /a /b", known_hosts=["/c"]).known_hosts == ["/c"]


def test_hosts_are_known_by_name_and_port_or_by_their_alias(read):
    assert read("HostName Real").key_name == "real"
    assert read("HostName real\nPort 2222").key_name == "[real]:2222"
    assert read("HostName real\nPort 2222\nHostKeyAlias cluster").key_name == "cluster"


def test_times_and_switches_are_read(read):
    found = read(
        "ConnectTimeout 7\nServerAliveInterval 1m\nServerAliveCountMax 2\nCompression yes\nIdentitiesOnly yes\n"
        "PasswordAuthentication no\nPreferredAuthentications password,publickey"
    )
    assert (found.connect_timeout, found.alive_interval, found.alive_count) == (7.0, 60, 2)
    assert (found.compression, found.identities_only, found.methods) == (True, True, ["publickey"])


def test_of_a_jump_and_a_command_the_first_holds(read):
    found = read("ProxyJump a,b@c:3\nProxyCommand nc %h %p")
    assert (found.jumps, found.proxy_command) == (["a", "b@c:3"], None)
    found = read("ProxyCommand nc %h %p # not a comment\nProxyJump a")
    assert (found.jumps, found.proxy_command) == ([], "nc box 22 # not a comment")


def test_keys_may_be_none(read):
    found = read("IdentityFile none")
    assert (found.identities, found.chosen_identities) == ([], True)


@pytest.mark.parametrize(("text", "seconds"), {"90": 90, "90s": 90, "1m30s": 90, "1H": 3600, "1w2d": 777600}.items())
def test_times_are_read_as_openssh_does(read, text, seconds):
    assert read(f"ServerAliveInterval {text}").alive_interval == seconds


def test_no_jump_leaves_the_way_to_a_command(read):
    assert read("ProxyJump none\nProxyCommand nc %h %p").proxy_command == "nc box 22"


def test_none_takes_a_way_back(read):
    found = read("Host box\n ProxyJump none\nHost *\n ProxyJump gate")
    assert found.jumps == []


JUMPS = {
    "gate": (None, "gate", None), "me@gate:22": ("me", "gate", 22), "ssh://me@gate:22/": ("me", "gate", 22),
    "[::1]:22": (None, "::1", 22), "me@fe80::1": ("me", "fe80::1", None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "parts"), JUMPS.items(), ids=list(JUMPS))
def test_a_jump_is_user_host_and_port(text, parts):
    assert split_jump(text) == parts


BAD = {
    "Port many": "port is a number",
    "Port 65536": "port is a number from 1 to 65535",
    "Host box\n  Port": "not a keyword and a value|value is missing",
    "HostName %x": "%x is not known",
    'User "me': "a quote is not closed",
    "Match host": "host needs a value",
    "IdentityFile ${RPROXY_NO_SUCH}/a": "needs the environment variable RPROXY_NO_SUCH",
}


@pytest.mark.parametrize(("text", "why"), BAD.items(), ids=BAD)
def test_what_cannot_be_meant_is_named(read, text, why):
    with pytest.raises(ConnectorError, match=why):
        read(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConnectorError, match=f"{tmp_path}/none_such: No such file"):
        settings_for("box", None, None, Options(ssh_config=os.fspath(tmp_path / "none_such")))

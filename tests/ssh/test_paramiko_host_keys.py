"""Whom paramiko:// takes a host for."""

import pytest

from rproxy.errors import AuthenticationError, ConnectorError, HostKeyError

from ..services.ssh_keys import keygen

pytestmark = pytest.mark.once


@pytest.fixture
def known(tmp_path):
    """`known(*lines)` writes a known_hosts file and returns its path."""

    def write(*lines):
        path = tmp_path / "known"
        path.write_text("".join(f"{line}\n" for line in lines))
        return str(path)

    return write


@pytest.fixture
def meet(connector):
    """`meet(server, known_hosts, **options)` runs a command there, and says what it printed."""

    def meet(server, known_hosts, **options):
        return connector(server, known_hosts=known_hosts, **options).run("echo met").stdout

    return meet


def test_a_known_host_is_met(shared_sshd, meet):
    assert meet(shared_sshd, shared_sshd.known_hosts) == b"met\n"


def test_an_unknown_host_is_refused_and_its_fingerprint_told(shared_sshd, keys, meet, known):
    with pytest.raises(HostKeyError, match="is not known") as caught:
        meet(shared_sshd, known())
    assert keys.fingerprint("host") in str(caught.value)
    assert f"accept_host_key='{keys.fingerprint('host')}'" in str(caught.value)


def test_nobody_is_told_a_secret_before_the_host_is_known(shared_sshd, meet, known):
    asked, before = [], len(shared_sshd.log())
    with pytest.raises(HostKeyError):
        meet(shared_sshd, known(), identity=None, password="secret", ask=asked.append)
    assert asked == [] and "Failed" not in shared_sshd.log()[before:]


def test_the_right_fingerprint_lets_an_unknown_host_in_and_changes_no_file(shared_sshd, keys, meet, known):
    path = known()
    assert meet(shared_sshd, path, accept_host_key=keys.fingerprint("host")) == b"met\n"
    assert open(path).read() == ""


def test_a_fingerprint_may_be_written_in_small_letters_and_padded(shared_sshd, keys, meet, known):
    written = keys.fingerprint("host").replace("SHA256", "sha256") + "="
    assert meet(shared_sshd, known(), accept_host_key=written) == b"met\n"


def test_the_wrong_fingerprint_is_refused(shared_sshd, keys, meet, known):
    with pytest.raises(HostKeyError, match="accept_host_key= names another"):
        meet(shared_sshd, known(), accept_host_key=keys.fingerprint("other_host"))


def test_what_is_no_fingerprint_is_refused_before_anything_is_sent(shared_sshd, connector):
    with pytest.raises(ValueError, match="accept_host_key is a fingerprint"):
        connector(shared_sshd, accept_host_key="MD5:00:11")
    with pytest.raises(TypeError, match="accept_host_key is a fingerprint"):
        connector(shared_sshd, accept_host_key=5)


def test_a_callback_accepts_an_unknown_host_for_ever(shared_sshd, keys, meet, known):
    path, asked = known(), []
    open(path, "w").write("# a comment without an end of line")

    def accept(*what):
        asked.append(what)
        return True

    assert meet(shared_sshd, path, on_new_host_key=accept) == b"met\n"
    assert asked == [(shared_sshd.known_name, "ssh-ed25519", keys.fingerprint("host"))]
    assert meet(shared_sshd, path) == b"met\n"


def test_a_key_that_is_accepted_and_cannot_be_kept_is_accepted_once(shared_sshd, meet, caplog):
    caplog.set_level("INFO", "rproxy.connector")
    assert meet(shared_sshd, "/proc/no/known", on_new_host_key=lambda *what: True) == b"met\n"
    assert "cannot add the key of" in caplog.text and "/proc/no/known" in caplog.text


def test_a_callback_can_refuse(shared_sshd, meet, known):
    with pytest.raises(HostKeyError, match="on_new_host_key= does not accept it"):
        meet(shared_sshd, known(), on_new_host_key=lambda *_: None)


def test_the_configuration_may_accept_unknown_hosts(shared_sshd, meet, known, write_config):
    path = known()
    config = write_config("StrictHostKeyChecking accept-new", "HashKnownHosts yes")
    assert meet(shared_sshd, path, ssh_config=config) == b"met\n"
    assert open(path).read().startswith("|1|")
    assert meet(shared_sshd, path) == b"met\n"


CHANGED = "the host key of .* has changed"


def test_a_changed_key_is_refused_and_both_are_told(shared_sshd, keys, meet, known):
    path = known(f"{shared_sshd.known_name} {keys.bare('other_host')}")
    with pytest.raises(HostKeyError, match=CHANGED) as caught:
        meet(shared_sshd, path)
    for part in (keys.fingerprint("host"), keys.fingerprint("other_host"), f"ssh-keygen -R '{shared_sshd.known_name}'"):
        assert part in str(caught.value)


def test_a_changed_key_is_refused_whatever_else_is_accepted(shared_sshd, keys, meet, known, write_config):
    path = known(f"{shared_sshd.known_name} {keys.bare('other_host')}")
    config = write_config("StrictHostKeyChecking no")
    with pytest.raises(HostKeyError, match=CHANGED):
        meet(shared_sshd, path, ssh_config=config)
    with pytest.raises(HostKeyError, match=CHANGED):
        meet(shared_sshd, path, accept_host_key=keys.fingerprint("host"), on_new_host_key=lambda *_: True)


def test_the_mend_that_a_changed_key_names_works(shared_sshd, keys, meet, known):
    path = known(f"{shared_sshd.known_name} {keys.bare('other_host')}")
    keygen("-R", shared_sshd.known_name, "-f", path)
    with pytest.raises(HostKeyError, match="is not known"):
        meet(shared_sshd, path)


def test_a_revoked_key_is_refused_though_it_is_known(shared_sshd, keys, meet, known):
    line = f"{shared_sshd.known_name} {keys.bare('host')}"
    with pytest.raises(HostKeyError, match="marks as revoked in line 2"):
        meet(shared_sshd, known(line, f"@revoked * {keys.bare('host')}"))


def test_the_revoked_key_of_another_host_does_no_harm(shared_sshd, keys, meet, known):
    line = f"{shared_sshd.known_name} {keys.bare('host')}"
    assert meet(shared_sshd, known(f"@revoked other {keys.bare('host')}", line)) == b"met\n"


def test_lines_that_cannot_be_read_hide_no_other(shared_sshd, keys, meet, known):
    line = f"{shared_sshd.known_name} {keys.bare('host')}"
    broken = ["@cert-authority", "@revoked * what is this", "nonsense", "|1|a|b ssh-ed25519 AAAA", "a ssh-dss AAAA!"]
    assert meet(shared_sshd, known(*broken, "\udce4".encode("utf-8", "replace").decode(), line)) == b"met\n"


def test_hashed_names_are_found(shared_sshd, keys, meet, known):
    path = known(f"{shared_sshd.known_name} {keys.bare('host')}")
    keygen("-H", "-f", path)
    assert open(path).read().startswith("|1|")
    assert meet(shared_sshd, path) == b"met\n"


def test_a_changed_key_is_found_under_a_hashed_name(shared_sshd, keys, meet, known):
    path = known(f"{shared_sshd.known_name} {keys.bare('other_host')}")
    keygen("-H", "-f", path)
    with pytest.raises(HostKeyError, match=CHANGED):
        meet(shared_sshd, path)


@pytest.mark.parametrize("names", ["[127.0.0.*]:*", "[127.0.0.?]:{port}", "one,[127.*]:{port},two"])
def test_patterns_are_matched(shared_sshd, keys, meet, known, names):
    assert meet(shared_sshd, known(f"{names.format(port=shared_sshd.port)} {keys.bare('host')}")) == b"met\n"


def test_an_excepted_pattern_is_not_matched(shared_sshd, keys, meet, known):
    with pytest.raises(HostKeyError, match="is not known"):
        meet(shared_sshd, known(f"*,!{shared_sshd.known_name},!127.0.0.1 {keys.bare('host')}"))


def test_a_key_that_is_known_without_a_port_holds_for_every_port(shared_sshd, keys, meet, known):
    assert meet(shared_sshd, known(f"127.0.0.1 {keys.bare('host')}")) == b"met\n"


def test_another_key_without_a_port_is_no_change(shared_sshd, keys, meet, known):
    with pytest.raises(HostKeyError, match="is not known"):
        meet(shared_sshd, known(f"127.0.0.1 {keys.bare('other_host')}"))


def test_a_host_is_looked_up_by_its_alias(shared_sshd, keys, meet, known, write_config):
    path = known(f"cluster {keys.bare('host')}")
    assert meet(shared_sshd, path, ssh_config=write_config("HostKeyAlias cluster")) == b"met\n"


def test_a_host_shows_the_type_of_key_that_is_known(sshd, keys, tmp_path, meet, known):
    rsa = tmp_path / "rsa"
    keygen("-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(rsa))
    server = sshd(settings=(f"HostKey {rsa}",))
    known_rsa = " ".join(rsa.with_suffix(".pub").read_text().split()[:2])
    assert meet(server, known(f"{server.known_name} {known_rsa}")) == b"met\n"


# -- certificates of hosts -----------------------------------------------------------------------------


@pytest.fixture
def certified(sshd, keys):
    """`certified(*words)` starts a server with a certificate that ssh-keygen made with these words."""

    def start(*words, names="127.0.0.1", authority="host_ca"):
        sign = ["-q", "-s", keys[authority], "-I", "tests", *words]
        keygen(*sign, *(["-n", names] if names else []), f"{keys['host']}.pub")
        return sshd(settings=(f"HostCertificate {keys['host']}-cert.pub",))

    return start


@pytest.fixture
def authority(keys, known):
    """A known_hosts file with nothing but the authority of all hosts of this machine."""
    return known(f"@cert-authority [127.*]:* {keys.bare('host_ca')}")


def test_a_host_with_a_certificate_is_met(certified, authority, meet):
    assert meet(certified("-h"), authority) == b"met\n"


def test_a_certificate_for_every_host_is_one_for_this_host(certified, authority, meet):
    assert meet(certified("-h", names=None), authority) == b"met\n"


WRONG = {
    "for another host": (["-h"], {"names": "other.example.org"}, "is for other.example.org, not for 127.0.0.1"),
    "expired": (["-h", "-V", "20200101:20200102"], {}, "has expired on 20"),
    "not yet": (["-h", "-V", "20990101:20990102"], {}, "does not hold yet"),
}


@pytest.mark.parametrize(("words", "options", "why"), WRONG.values(), ids=WRONG)
def test_a_certificate_that_does_not_hold_is_refused(certified, authority, meet, words, options, why):
    with pytest.raises(HostKeyError, match=why):
        meet(certified(*words, **options), authority)


def test_a_certificate_of_a_strange_authority_makes_no_host_known(certified, authority, meet):
    with pytest.raises(HostKeyError, match="is not known"):
        meet(certified("-h", authority="user_ca"), authority)


def test_a_revoked_authority_is_refused(certified, keys, known, meet):
    lines = [f"@{marker} * {keys.bare('host_ca')}" for marker in ("cert-authority", "revoked")]
    with pytest.raises(HostKeyError, match="marks as revoked"):
        meet(certified("-h"), known(*lines))


def test_a_known_key_holds_though_its_certificate_does_not(certified, keys, known, meet):
    server = certified("-h", names="other.example.org")
    lines = [f"@cert-authority * {keys.bare('host_ca')}", f"{server.known_name} {keys.bare('host')}"]
    assert meet(server, known(*lines)) == b"met\n"


def test_a_forged_certificate_is_refused(certified, authority, keys, meet):
    """The bytes of the right authority's key in a certificate that another has signed."""
    import base64

    server = certified("-h")
    path = f"{keys['host']}-cert.pub"
    kind, text, *_ = open(path).read().split()
    blob = bytearray(base64.b64decode(text))
    blob[-1] ^= 1  # the signature's last byte
    open(path, "w").write(f"{kind} {base64.b64encode(blob).decode()} forged\n")
    server.process.send_signal(1)  # it reads its certificate again
    from .sshd import wait_for

    wait_for(lambda: server.log().count("Server listening") == 2)
    with pytest.raises(ConnectorError):
        meet(server, authority)


def test_an_unreadable_file_of_known_hosts_is_named(shared_sshd, meet, tmp_path):
    with pytest.raises(ConnectorError, match="cannot read the known hosts in"):
        meet(shared_sshd, str(tmp_path))


def test_a_host_key_error_is_a_connector_error_and_no_authentication_error():
    assert issubclass(HostKeyError, ConnectorError) and not issubclass(HostKeyError, AuthenticationError)

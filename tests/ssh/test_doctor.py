"""`rproxy doctor` over real servers: the layers of ssh, and the fault of each."""

import sys

import pytest

from rproxy.doctor import examine

from .conftest import ssh_connector
from .sshd import HOST, free_port, program, wait_for

pytestmark = pytest.mark.once
#: The layers up to the shell.
WAY = ["name resolution", "connection", "host key", "authentication"]
BEHIND = ["shell", "Python", "folders", "deployment", "session", "round trip", "throughput"]


def findings_of(kind, server, *, python=sys.executable, setup=None, **options):
    return list(examine(ssh_connector(kind, server, **options), python=python, setup=setup))


def fault_of(kind, server, **options):
    """The fault, which comes after nothing but the layers before it."""
    *before, fault = findings_of(kind, server, **options)
    assert all(finding.ok for finding in before)
    assert [finding.layer for finding in before] == [*WAY, *BEHIND][: [*WAY, *BEHIND].index(fault.layer)]
    assert not fault.ok and fault.mend
    return fault


def test_a_sound_host_is_told_of_layer_by_layer(kind, shared_sshd):
    findings = findings_of(kind, shared_sshd)
    assert [finding.layer for finding in findings] == [*WAY, *BEHIND]
    assert all(finding.ok and not finding.mend for finding in findings)
    texts = {finding.layer: finding.text for finding in findings}
    assert texts["connection"] == f"{HOST} port {shared_sshd.port}"
    assert texts["authentication"] == f"as {shared_sshd.user}"
    assert sys.executable in texts["Python"]
    assert texts["folders"].startswith(f"{shared_sshd.home}/.rproxy can be written")


def test_a_name_of_the_configuration_is_told_with_what_it_means(kind, shared_sshd, write_config):
    config = write_config(shared_sshd.host_lines("box"))
    first = findings_of(kind, shared_sshd, to="box", ssh_config=config, known_hosts=None, identity=None)[0]
    assert first == ("name resolution", True, f"box is {HOST}", "")


def test_a_host_behind_another_has_no_name_to_resolve_here(kind, shared_sshd, write_config):
    config = write_config(shared_sshd.host_lines("gate"), shared_sshd.host_lines("inner", "ProxyJump gate"))
    findings = findings_of(kind, shared_sshd, to="inner", ssh_config=config, known_hosts=None, identity=None)
    assert [finding.layer for finding in findings] == [*WAY[1:], *BEHIND]
    assert findings[0].text == f"{HOST} port {shared_sshd.port} over gate"


def test_an_unknown_name_is_a_fault_of_name_resolution(kind, shared_sshd):
    fault = fault_of(kind, shared_sshd, to="no-such-host.invalid")
    assert fault.layer == "name resolution" and "no-such-host.invalid" in fault.text and "VPN" in fault.mend


def test_a_refused_port_is_a_fault_of_the_connection(kind, shared_sshd):
    port = free_port()
    fault = fault_of(kind, shared_sshd, to=f"{HOST}:{port}")
    assert fault.layer == "connection" and str(port) in fault.text


def test_an_unknown_host_key_is_a_fault_of_the_host_key(kind, shared_sshd, keys, tmp_path):
    (tmp_path / "known").touch()
    fault = fault_of(kind, shared_sshd, known_hosts=tmp_path / "known", ask=lambda prompt: None)
    assert fault.layer == "host key" and keys.fingerprint("host") in fault.text


def test_a_changed_host_key_is_a_fault_of_the_host_key(kind, shared_sshd, keys, tmp_path):
    known = tmp_path / "known"
    known.write_text(f"{shared_sshd.known_name} {keys.bare('other_host')}\n")
    fault = fault_of(kind, shared_sshd, known_hosts=known)
    assert fault.layer == "host key" and "ssh-keygen -R" in fault.mend


def test_a_key_that_is_not_accepted_is_a_fault_of_authentication(kind, shared_sshd, keys):
    fault = fault_of(kind, shared_sshd, identity=keys["stranger"])
    assert fault.layer == "authentication" and "publickey" in fault.text and "identity=" in fault.mend


def test_a_key_that_is_missing_is_told_by_its_path(kind, shared_sshd, keys, tmp_path):
    options = {"known_hosts": shared_sshd.known_hosts, "ssh_config": keys.empty_config}
    fault = list(examine(f"{kind}://{shared_sshd.address}", identity=str(tmp_path / "none"), **options))[-1]
    assert not fault.ok and str(tmp_path / "none") in fault.text
    assert fault.layer == "configuration"


def test_noise_is_told_and_is_no_fault(kind, sshd):
    server = sshd(shell=program("bash", "bash"))
    (server.home / ".bashrc").write_text("echo Welcome; echo no such module >&2\n")
    findings = findings_of(kind, server)
    assert [finding.layer for finding in findings] == [*WAY, *BEHIND] and all(finding.ok for finding in findings)
    shell = findings[len(WAY)]
    assert "Welcome" in shell.text and "no such module" in shell.text and "scp" in shell.mend


def test_an_rc_file_that_ends_the_shell_is_a_fault_of_the_shell(kind, sshd):
    server = sshd(shell=program("bash", "bash"))
    (server.home / ".bashrc").write_text("echo quota exceeded; exit 3\n")
    fault = fault_of(kind, server)
    assert fault.layer == "shell" and "quota exceeded" in fault.text and ".bashrc" in fault.mend


def test_an_account_that_runs_no_commands_is_a_fault_of_the_shell(kind, sshd):
    fault = fault_of(kind, sshd(settings=('ForceCommand echo "This account is not available."; exit 1',)))
    assert fault.layer == "shell" and "not available" in fault.text


def test_a_missing_python_is_a_fault_of_python(kind, shared_sshd):
    fault = fault_of(kind, shared_sshd, python="python3.99")
    assert fault.layer == "Python" and "python3.99" in fault.text and "python=" in fault.mend


def test_setup_lines_that_fail_are_told_as_theirs(kind, shared_sshd):
    fault = findings_of(kind, shared_sshd, setup="echo no such module: cuda >&2; false")[-1]
    assert (fault.layer, fault.ok) == ("setup lines", False) and "no such module: cuda" in fault.text


def test_a_home_that_cannot_be_written_is_a_fault_of_folders(kind, sshd):
    fault = fault_of(kind, sshd(environment={"HOME": "/proc/none"}))
    assert fault.layer == "folders" and "/proc/none/.rproxy cannot be written" in fault.text


def test_nothing_runs_on_after_it(kind, sshd):
    server = sshd()
    findings_of(kind, server)
    assert server.logins() > 0
    wait_for(lambda: server.sessions() == [])

"""Connectors over ssh keep the contract of connectors, and carry others."""

import sys

import pytest

import rproxy
from rproxy.connectors.prefix import PrefixConnector
from rproxy.connectors.reports import told_to
from rproxy.testing import check_connector

from ..boxes import UID, bubblewrap
from .conftest import ssh_connector

pytestmark = pytest.mark.once


def test_a_connector_keeps_the_contract(kind, shared_sshd):
    assert len(check_connector(ssh_connector(kind, shared_sshd))) >= 29


def test_a_copy_tells_how_far_it_is(kind, shared_sshd, tmp_path):
    size = 1 << 26
    with open(tmp_path / "source", "wb") as file:
        file.truncate(size)
    connector = ssh_connector(kind, shared_sshd)
    for copy in (connector.push, connector.pull):
        told: list[int] = []
        with told_to(told.append):
            copy(str(tmp_path / "source"), str(tmp_path / "copy"))
        (tmp_path / "copy").unlink()
        assert told == sorted(told) and told[-1] == size and len(set(told)) > 2
    connector.close()


def test_a_box_of_a_host_is_entered(kind, channel, shared_sshd, tmp_path):
    connector = PrefixConnector(bubblewrap(tmp_path), via=ssh_connector(kind, shared_sshd, channel))
    with rproxy.connect(connector, python=sys.executable, endpoint_dir="/shared/rproxy") as client:
        assert client.module("os").getuid() == UID
        assert client.module("operator").add(bytes(100_000), b"x") == bytes(100_000) + b"x"
        assert connector.target in client.info().target


def test_a_box_of_a_host_that_is_not_there_is_told(kind, shared_sshd):
    connector = PrefixConnector(["nosuchtool", "exec"], via=ssh_connector(kind, shared_sshd))
    with pytest.raises(rproxy.ConnectorError, match=r"(?s)did not begin on .*via .*127.*nosuchtool"):
        rproxy.connect(connector)
    connector.close()

"""Connectors over ssh keep the contract of connectors."""

import pytest

from rproxy.connectors.prefix import PrefixConnector
from rproxy.testing import check_connector

from .conftest import ssh_connector

pytestmark = pytest.mark.once


def test_a_connector_keeps_the_contract(kind, channel, shared_sshd):
    assert len(check_connector(ssh_connector(kind, shared_sshd, channel))) >= 20


def test_a_prefix_on_top_keeps_it_too(kind, shared_sshd):
    connector = PrefixConnector(["env", "RPROXY_X=y"], via=ssh_connector(kind, shared_sshd))
    assert len(check_connector(connector)) >= 29

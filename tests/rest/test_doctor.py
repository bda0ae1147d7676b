"""`rproxy doctor` over the services: the layers that they have, and the fault of each."""

import pytest

from rproxy.doctor import examine

from .conftest import PYTHON, Real, needs_double

pytestmark = pytest.mark.once
LAYERS = ["connection", "authentication", "shell", "Python", "folders", "deployment", "session", "round trip"]


def test_a_service_is_told_of_layer_by_layer(connector):
    findings = list(examine(connector, python=PYTHON))
    assert [finding.layer for finding in findings] == [*LAYERS, "throughput"]
    assert all(finding.ok for finding in findings)
    texts = {finding.layer: finding.text for finding in findings}
    assert texts["connection"].startswith("http")
    assert "over commands" in texts["session"]


def test_a_wrong_password_is_a_fault_of_authentication(newt, newt_connector):
    if isinstance(newt, Real):
        needs_double("RPROXY_NEWT_URL")  # a service may bar whoever tries wrong passwords
    *before, fault = examine(newt_connector(password="wrong"))
    assert [finding.layer for finding in before] == ["connection"]
    assert (fault.layer, fault.ok) == ("authentication", False) and fault.mend


@pytest.mark.parametrize("service", ["newt", "sfapi"])
def test_a_service_that_does_not_answer_is_a_fault_of_the_connection(request, service):
    connector = request.getfixturevalue(f"{service}_connector")(
        base_url="http://127.0.0.1:9/none", **({"token_url": "http://127.0.0.1:9/token"} if service == "sfapi" else {})
    )
    (fault,) = examine(connector)
    assert (fault.layer, fault.ok) == ("connection", False) and fault.mend

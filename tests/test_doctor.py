"""`rproxy doctor` where no ssh is needed: this machine, boxes, and what it prints."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.connectors.prefix import PrefixConnector
from rproxy.doctor import examine
from rproxy.errors import STAGES
from rproxy.testing import command_only

from .boxes import bubblewrap

pytestmark = pytest.mark.once
RPROXY = str(Path(sys.executable).with_name("rproxy"))
#: The layers that every host has.
LAYERS = ["shell", "Python", "folders", "deployment", "session", "round trip", "throughput"]


def doctor(*words):
    """(exit code, standard output, standard error) of the command."""
    done = subprocess.run([RPROXY, "doctor", *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def fault_of(target, **options):
    """The only fault, which is the last finding."""
    findings = list(examine(target, **options))
    assert [finding.ok for finding in findings] == [True] * (len(findings) - 1) + [False]
    assert findings[-1].mend
    return findings[-1]


# -- the command ---------------------------------------------------------------------------------------


def test_a_sound_host_has_a_line_for_each_of_its_layers():
    code, out, err = doctor("local://")
    assert (code, err) == (0, "")
    lines = [line.split(None, 1) for line in out.splitlines()]
    assert [line[0] for line in lines] == ["ok"] * len(LAYERS)
    assert all(line[1].startswith(layer) for line, layer in zip(lines, LAYERS, strict=True))
    assert f"{os.environ['HOME']}/.rproxy" in out


def test_a_fault_ends_it_with_exit_code_1_and_the_mend():
    code, out, err = doctor("local://", "--setup", "echo no module cuda; exit 5")
    assert (code, err) == (1, "")
    sound, fault, printed, mend = out.splitlines()
    assert sound.startswith("ok    shell") and fault.startswith("FAULT setup lines") and "exit code 5" in fault
    assert "no module cuda" in printed and mend.strip().startswith("-> ") and "|| true" in mend


def test_json_has_the_findings():
    code, out, _ = doctor("local://", "--json", "--setup", "true")
    findings = json.loads(out)
    assert code == 0
    assert [finding["layer"] for finding in findings] == [LAYERS[0], "setup lines", *LAYERS[1:]]
    assert {frozenset(finding) for finding in findings} == {frozenset(("layer", "ok", "text", "mend"))}


def test_json_has_the_fault():
    code, out, _ = doctor("local://", "--json", "--setup", "echo no module cuda; false")
    fault = json.loads(out)[-1]
    assert (code, fault["layer"], fault["ok"]) == (1, "setup lines", False)
    assert "no module cuda" in fault["text"] and "|| true" in fault["mend"]


def test_a_target_that_cannot_be_meant_is_a_fault_of_usage():
    code, out, err = doctor("nowhere")
    assert (code, out) == (2, "") and "'nowhere' is no target" in err


# -- layers --------------------------------------------------------------------------------------------


def test_commands_without_a_stream_are_told_of():
    findings = list(examine(command_only(LocalConnector())))
    assert [finding.layer for finding in findings] == LAYERS and all(finding.ok for finding in findings)
    assert "no objects stay" in findings[LAYERS.index("session")].text


def test_a_shell_that_waits_for_ever_is_a_fault_of_the_shell():
    connector = PrefixConnector(["sh", "-c", "sleep 50"])
    connector.start_timeout = 0.5
    fault = fault_of(connector)
    assert fault.layer == "shell" and "took longer than 0.5 s" in fault.text


def test_a_program_that_runs_no_command_is_a_fault_of_the_shell():
    fault = fault_of(PrefixConnector(["sh", "-c", "echo no such box >&2; exit 4"]))
    assert fault.layer == "shell" and "no such box" in fault.text and "by hand" in fault.mend


def test_a_shell_that_loses_exit_codes_is_a_fault_of_the_shell():
    fault = fault_of(PrefixConnector(["sh", "-c", '"$@" || true', "sh"]))
    assert fault.layer == "shell" and "exit code 0" in fault.text


def test_a_program_that_refuses_the_user_is_a_fault_of_authentication():
    fault = fault_of(PrefixConnector(["sh", "-c", "echo 'sudo: a password is required' >&2; exit 1"]))
    assert fault.layer == "authentication" and "a password is required" in fault.text


def test_a_home_that_can_only_be_read_is_a_fault_of_folders(tmp_path):
    fault = fault_of(PrefixConnector(bubblewrap(tmp_path)), python=sys.executable)
    assert fault.layer == "folders"
    assert "/home/me" in fault.text and "Read-only file system" in fault.text and "--endpoint-dir" in fault.mend


def test_a_full_disk_is_a_fault_of_folders(tmp_path):
    words = [*bubblewrap(tmp_path), "--size", "65536", "--tmpfs", "/full"]
    fault = fault_of(PrefixConnector(words), python=sys.executable, endpoint_dir="/full/rproxy")
    assert fault.layer == "folders" and "No space left on device" in fault.text and "Make room" in fault.mend


def test_an_endpoint_in_a_folder_that_can_only_be_read_is_no_fault(tmp_path):
    with rproxy.connect(endpoint_dir=str(tmp_path / "shared")) as client:
        endpoint = client.info().endpoint
    words = [*bubblewrap(tmp_path), "--ro-bind", str(tmp_path / "shared"), "/opt"]
    findings = {one.layer: one for one in examine(PrefixConnector(words), python=sys.executable, endpoint_dir="/opt")}
    assert all(finding.ok for finding in findings.values()) and "throughput" in findings
    assert "cannot be written" in findings["folders"].text
    assert findings["deployment"].text == f"/opt/{os.path.basename(endpoint)}"


class ShortLived(LocalConnector):
    """Its streams end after so many bytes."""

    def open(self, command):
        return super().open(f"dd bs=1 count=150000 2>/dev/null | ({command}\n)")


def test_a_connection_that_ends_meanwhile_is_a_fault_of_the_session():
    fault = fault_of(ShortLived())
    assert fault.layer == "session" and "the session with local:// has ended" in fault.text


# -- errors --------------------------------------------------------------------------------------------


def test_every_error_of_a_stage_has_a_stage_that_exists():
    raised = [cls for cls in vars(rproxy.errors).values() if isinstance(cls, type) and getattr(cls, "stage", "")]
    assert len(raised) > 4 and {cls.stage for cls in raised} <= set(STAGES)


def test_an_error_keeps_its_stage_and_mend_when_it_is_pickled():
    error = pickle.loads(pickle.dumps(rproxy.ConnectorError("no. Do it.").at("shell", "Do it.")))
    assert (str(error), error.stage, error.mend) == ("no. Do it.", "shell", "Do it.")


def test_the_mend_is_the_end_of_the_message():
    with pytest.raises(rproxy.RemoteNotSetupError) as caught:
        rproxy.connect(setup="false")
    assert caught.value.stage == "setup lines" and str(caught.value).endswith(caught.value.mend) and caught.value.mend

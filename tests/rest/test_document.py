"""The code of docs/rest.md runs, against the doubles in the places of the services that it names."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from ..services.process import REPOSITORY

pytestmark = pytest.mark.once

BLOCKS = re.compile(r"^```py\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_code_of_the_document_runs(newt, sfapi, tmp_path):
    code = "\n".join(BLOCKS.findall((REPOSITORY / "docs" / "rest.md").read_text("utf-8")))
    for said, meant in [
        ("https://newt.example.org/newt", newt.places["url"]),
        ('"me"', repr(newt.places["username"])),
        ("me@", newt.places["username"] + "@"),
        ('"password"', repr(newt.places["password"])),
        ('password="..."', f"password={newt.places['password']!r}"),
    ]:
        assert said in code
        code = code.replace(said, meant)
    keys = tmp_path / ".superfacility"
    keys.mkdir()
    shutil.copy(sfapi.places["pem"], keys)
    environment = {
        **os.environ, "HOME": str(tmp_path), "RPROXY_NEWT_URL": newt.places["url"],
        "RPROXY_NEWT_PASSWORD": newt.places["password"], "RPROXY_SFAPI_URL": sfapi.places["url"],
        "RPROXY_SFAPI_TOKEN_URL": sfapi.places["token_url"],
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third = done.stdout.splitlines()
    assert first == str(sfapi.home)
    assert second == f"{os.uname().nodename} {len(os.listdir('/usr'))}"
    assert third == "(0,)"

"""Copying files and folders to a host and from it, over both channels."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import rproxy

pytestmark = pytest.mark.once
BYTES = bytes(range(256)) * 9000


@pytest.fixture
def there(tmp_path) -> Path:
    """A folder of the far side, which is this machine."""
    (tmp_path / "it's there").mkdir()
    return tmp_path / "it's there"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with what folders have."""
    made = tmp_path / "my folder"
    (made / "below/empty").mkdir(parents=True)
    (made / "below/é\n.bin").write_bytes(BYTES)
    (made / "run.sh").write_text("#!/bin/sh\n")
    (made / "run.sh").chmod(0o755)
    (made / "group.txt").touch()
    (made / "group.txt").chmod(0o664)
    (made / "below/empty").chmod(0o775)
    (made / "below").chmod(0o700)
    (made / "link").symlink_to("run.sh")
    (made / "to folder").symlink_to("below")
    return made


def content(folder: Path) -> dict[str, object]:
    """All that a folder holds, with modes."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_dir():
            found[name] = stat.S_IMODE(path.stat().st_mode)
        else:
            found[name] = (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
    return found


@pytest.mark.parametrize("data", [b"", b"x", BYTES], ids=["empty", "small", "large"])
def test_a_file_goes_and_comes_as_it_is_with_its_mode(client, tmp_path, there, data):
    (tmp_path / "local").write_bytes(data)
    (tmp_path / "local").chmod(0o751)
    assert client.push(tmp_path / "local", there / "copy") == f"{there}/copy"
    assert client.pull(f"{there}/copy", tmp_path / "back") == tmp_path / "back"
    for path in (there / "copy", tmp_path / "back"):
        assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (data, 0o751)
    assert os.listdir(there) == ["copy"]


def test_a_copy_goes_into_a_folder_under_its_own_name(client, tmp_path, there):
    (tmp_path / "local").write_bytes(b"x")
    assert client.push(str(tmp_path / "local"), str(there)) == f"{there}/local"
    (tmp_path / "here").mkdir()
    assert client.pull(there / "local", tmp_path / "here").read_bytes() == b"x"


def test_a_folder_goes_and_comes_with_all_that_is_in_it(client, tmp_path, there, folder):
    client.push(folder, there / "copy")
    client.pull(there / "copy", tmp_path / "back")
    assert content(there / "copy") == content(tmp_path / "back") == content(folder)


def test_a_folder_joins_what_is_there(client, there, folder):
    (there / "copy").mkdir()
    (there / "copy/my folder").mkdir()
    (there / "copy/my folder/mine").write_text("mine")
    (there / "copy/my folder/run.sh").write_text("old")
    client.push(folder, there / "copy")
    assert (there / "copy/my folder/mine").read_text() == "mine"
    assert (there / "copy/my folder/run.sh").read_text() == "#!/bin/sh\n"


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_a_link_to_a_folder_brings_the_folder_under_the_links_name(client, tmp_path, there, folder, verb):
    (tmp_path / "link").symlink_to(folder)
    getattr(client, verb)(tmp_path / "link", there)
    assert content(there / "link") == content(folder)
    assert os.listdir(there) == ["link"] and not (there / "link").is_symlink()


def test_a_link_to_a_file_brings_the_file_under_the_links_name(client, tmp_path, there, folder):
    (tmp_path / "link").symlink_to(folder / "run.sh")
    assert client.push(tmp_path / "link", there) == f"{there}/link"
    assert (there / "link").read_text() == "#!/bin/sh\n" and not (there / "link").is_symlink()


@pytest.mark.parametrize("name", [".", ".."])
def test_a_folder_that_is_named_by_dots_keeps_its_own_name(client, there, folder, monkeypatch, name):
    monkeypatch.chdir(folder if name == "." else folder / "below")
    assert client.push(name, there) == f"{there}/my folder"


#: Copies a folder as a user who is held back by its modes, whoever runs the tests.
COPY = """
import sys, rproxy
with rproxy.connect() as client:
    for _ in range(2):  # then onto the first copy
        getattr(client, sys.argv[1])(sys.argv[2], sys.argv[3])
"""


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_a_folder_that_cannot_be_written_goes_and_comes_with_all_that_is_in_it(tmp_path, there, folder, verb):
    (folder / "below").chmod(0o555)
    folder.chmod(0o500)
    held_back = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
    command = [*held_back, sys.executable, "-c", COPY, verb, folder, there]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert content(there / "my folder") == content(folder)
    assert stat.S_IMODE((there / "my folder").stat().st_mode) == 0o500
    assert os.listdir(there) == ["my folder"]


def test_a_relative_path_is_below_the_blocks_folder(client, tmp_path, there):
    (tmp_path / "local").write_bytes(b"x")
    with client.cwd(there):
        assert client.push(tmp_path / "local", "copy") == f"{there}/copy"
        assert client.pull("copy", tmp_path / "back").read_bytes() == b"x"


def test_what_is_missing_is_told_by_its_side(client, tmp_path, there):
    with pytest.raises(FileNotFoundError) as caught:
        client.push(tmp_path / "none", there / "copy")
    assert not isinstance(caught.value, rproxy.RemoteExecError)
    for action in (lambda: client.pull("/no/file", tmp_path), lambda: client.push(__file__, "/no/folder/copy")):
        with pytest.raises(FileNotFoundError) as caught:
            action()
        assert isinstance(caught.value, rproxy.RemoteExecError)
    assert os.listdir(there) == []


@pytest.mark.parametrize(("verb", "paths"), [("push", ("", "copy")), ("pull", ("copy", ""))])
def test_no_path_here_is_refused_and_not_taken_for_the_working_directory(client, verb, paths):
    with pytest.raises(ValueError, match="'' cannot be a path here"):
        getattr(client, verb)(*paths)


def test_a_folder_that_must_be_there_is_asked_for(client, tmp_path, there):
    with pytest.raises(NotADirectoryError):
        client.push(__file__, f"{there}/none/")
    with pytest.raises(NotADirectoryError):
        client.pull(__file__, f"{tmp_path}/none/")


def test_a_link_that_leads_out_of_a_folder_is_not_taken(client, tmp_path, there):
    (there / "out").symlink_to("/etc/hosts")
    with pytest.raises(rproxy.ConnectorError, match=r"cannot take .*it's there on local://: .*out"):
        client.pull(there, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_what_stops_a_copy_leaves_nothing_half(client, there, folder):
    (there / "copy").write_text("a file is in the way")
    with pytest.raises(OSError):
        client.push(folder, there / "copy")
    assert os.listdir(there) == ["copy"]
    assert (there / "copy").read_text() == "a file is in the way"

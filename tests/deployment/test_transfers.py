"""Copying files and folders to a host and from it, over both channels."""

import os
import stat
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

# For connectors without a stream; see common.py, which goes ahead. More words: TMP OTHERS makes a private folder
# for requests and answers, in TMP, or in another place unless OTHERS is "given"; "none" makes one only
# if the endpoint is there. FOLDER ARCHIVE deploys a pushed archive, into FOLDER if need be.
import json
import shutil
import tempfile
import time

first, second = sys.argv[5:7]
os.umask(0o077)


def folder_in(tmp, prefix):
    for old in os.listdir(tmp):  # what clients that were killed have left
        old = os.path.join(tmp, old)
        try:
            status = os.stat(old)
            ours = old.startswith(os.path.join(tmp, prefix)) and status.st_uid == os.getuid()
            if ours and time.time() - status.st_mtime > 7 * 86400:
                shutil.rmtree(old, ignore_errors=True)
        except OSError:
            continue  # another client has just ended
    folder = tempfile.mkdtemp(prefix=prefix, dir=tmp)
    try:
        with open(os.path.join(folder, "space"), "wb") as file:  # a full disk makes folders, and holds nothing
            file.write(bytes(1 << 18))
        os.unlink(file.name)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def any_folder():
    said = []
    try:
        tmp = place(first)
        if not tmp:
            raise OSError("this host does not tell what ~ is in %s" % first)
        os.makedirs(tmp, 0o700, exist_ok=True)
        return folder_in(tmp, "session-")
    except OSError as error:
        said.append(str(error))
    if second != "given":
        for tmp in (os.environ.get("TMPDIR"), os.environ.get("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp", "/dev/shm"):
            try:
                if tmp:
                    return folder_in(tmp, "rproxy-")
            except OSError as error:
                said.append(str(error))
    say("denied")
    sys.exit("; ".join(said))


if os.path.isabs(second):
    with open(second, "rb") as file:
        packed = file.read()
    os.unlink(second)
    end = 10 + int(packed[:10])
    packed, rest = packed[10:end], packed[end + 10 :]
    deploy_whole = deploying(packed)["deploy_whole"]
    try:
        if not root:
            raise OSError("this host does not tell what ~ is")
        home = deploy_whole(root, name, packed, rest)
    except OSError:
        try:
            home = deploy_whole(first, name, packed, rest)
        except OSError as error:
            say("denied")
            sys.exit(str(error))
    told = {"root": os.path.dirname(home)}
elif second == "none" and not there:
    told = {"folder": "", "there": there, "root": root, "python": python}
else:
    told = {"folder": any_folder(), "there": there, "root": root, "python": python}
say("ready")
print(json.dumps(told) + "<end>")

# For connectors without a stream: makes a private folder for requests and answers, and says where it is
# and whether the endpoint is there. Words: ROOT NAME TOKEN TMP [ARCHIVE].
import sys

if sys.path[0] == "":  # files of the current directory must not stand in for what this imports
    del sys.path[0]
import json
import os
import shutil
import tempfile
import time

root, name, token, tmp = [os.path.expanduser(word) for word in sys.argv[1:5]]


def say(word):
    os.write(1, ("\n<rproxy:" + token[::-1] + "-" + word + ">").encode())


if sys.version_info < (3, 6):
    say("old-" + sys.version.split()[0])
    sys.exit(0)
if len(sys.argv) > 5:
    with open(sys.argv[5], "rb") as file:
        packed = file.read()
    os.unlink(sys.argv[5])
    if unpack(packed) != os.path.join(root, name):  # noqa: F821 - the text of unpack.py goes before this one's
        say("denied")
        sys.exit("nothing can be written to %s; name another folder with endpoint_dir=" % root)
    say("done")
    sys.exit(0)
try:
    os.makedirs(tmp, 0o700, exist_ok=True)
except OSError as error:
    say("denied")
    sys.exit("%s; name another folder with tmp_dir= or endpoint_dir=" % error)
for old in os.listdir(tmp):  # what clients that were killed have left
    old = os.path.join(tmp, old)
    try:
        if old.startswith(os.path.join(tmp, "session-")) and time.time() - os.path.getmtime(old) > 7 * 86400:
            shutil.rmtree(old, ignore_errors=True)
    except OSError:
        continue  # another client has just ended
folder = tempfile.mkdtemp(prefix="session-", dir=tmp)
there = os.path.isdir(os.path.join(root, name))
say("ready")
print(json.dumps({"folder": folder, "there": there}) + "<end>")

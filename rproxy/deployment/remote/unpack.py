# Unpacks the endpoint's archive where it belongs, in one step: whoever looks sees all of it or nothing.
# Where that place cannot be written to, it goes to a private folder that ends with this process.
import atexit
import io
import os
import shutil
import tempfile
import zipfile
import zlib


def unpack(packed):
    archive = zipfile.ZipFile(io.BytesIO(zlib.decompress(packed)))
    home = os.path.join(root, name)
    try:
        os.makedirs(root, 0o700, exist_ok=True)
        fresh = tempfile.mkdtemp(prefix=".new-", dir=root)
    except OSError:
        fresh = tempfile.mkdtemp(prefix="rproxy-")
        atexit.register(shutil.rmtree, fresh, ignore_errors=True)
        archive.extractall(fresh)
        return fresh
    try:
        archive.extractall(fresh)
        os.rename(fresh, home)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not os.path.isdir(home):  # else somebody else was faster
            raise
    return home

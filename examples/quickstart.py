"""A tour of rproxy on the embedded default: a Python process of this machine, apart from this one.

Run it with ``python examples/quickstart.py``.
"""

import os

import rproxy

with rproxy.connect() as client:
    # A module of the far side. A dotted call is one round trip, however deep.
    remote_os = client.module("os")
    print("another process:", remote_os.getpid() != os.getpid())
    print("joined there:", remote_os.path.join("data", "run1.csv"))

    # Data comes back as the values that they are, named fields included.
    remote_sys = client.module("sys")
    print("Python 3.6 or newer:", remote_sys.version_info >= (3, 6))
    print("a Fraction:", client.module("fractions").Fraction(3, 4) + 1)

    # An exception is the real one, and says where it happened.
    try:
        remote_os.stat("/no/such/file")
    except FileNotFoundError as error:
        print("not found there:", error.filename, isinstance(error, rproxy.RemoteExecError))

    # What a call prints is shown here as it comes, or kept.
    with client.capture() as output:
        client.module("builtins").print("printed there")
    print("captured:", repr(output.text))

    # Surroundings hold for the calls inside a block.
    with client.env(GREETING="hello"), client.cwd("/"):
        print("inside the block:", remote_os.getenv("GREETING"), remote_os.getcwd())
    print("after the block:", remote_os.getenv("GREETING"))

    # What is not data stays there, and a proxy of it comes back.
    counter = client.module("itertools").count(10)
    print("a live object:", next(counter), next(counter))
    with client.module("tempfile").TemporaryFile("w+") as file:
        file.write("first\nsecond\n")
        file.seek(0)
        print("lines of a file there:", list(file))

    # A function of this file runs there, by value.
    print("a function from here:", client.call(lambda numbers: sum(n * n for n in numbers), [1, 2, 3]))

    # The verb beneath it all returns the value and what was printed on standard output.
    value, printed = client.do_remote_call("os.path", "basename", args=["/etc/hosts"])
    print("do_remote_call:", (value, printed))

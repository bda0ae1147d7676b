"""What both sides speak: frames, messages, values and failures, without any input or output.

Nothing here opens, reads, writes, waits or starts a thread, so that every rule of the protocol can be
tested with bytes alone, in either role.
"""

VERSION = 1

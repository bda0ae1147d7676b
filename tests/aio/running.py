"""Runs coroutine functions; a call that stays until it is stopped, and what waits for a word of its."""

import asyncio


def run(function, *args):
    """What a coroutine function returns; warnings and slow callbacks of asyncio's debug mode included."""
    return asyncio.run(function(*args), debug=True)


def stay(path):
    """Says in a file that it runs, and then that it was interrupted."""
    import time

    with open(path, "w") as file:
        try:
            file.write("runs ")
            file.flush()
            time.sleep(60)
        except KeyboardInterrupt:
            file.write("interrupted")
            raise


async def until(path, text):
    """Waits until that is in a file; where it does not come, tells what is there, and what the tasks do."""
    try:
        async with asyncio.timeout(45):
            while not (path.exists() and text in path.read_text()):
                await asyncio.sleep(0.005)
    except TimeoutError:
        found = path.read_text() if path.exists() else None
        raise AssertionError(f"no {text!r}, but {found!r}; {asyncio.all_tasks()}") from None

"""Runs coroutine functions."""

import asyncio


def run(function, *args):
    """What a coroutine function returns; warnings and slow callbacks of asyncio's debug mode included."""
    return asyncio.run(function(*args), debug=True)

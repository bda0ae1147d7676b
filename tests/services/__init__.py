"""Doubles of the two REST services of NERSC: real HTTP servers, in processes of their own, which run real commands.

They are built from what is known of the services, and not from our connectors. By hand::

    python -m tests.services newt
"""

"""Measurements of rproxy beside the limits of its links, and beside other libraries. Nothing here passes or fails.

Rules: what is compared is measured in one run, in rounds that take turns, so that a busy machine slows all
of it alike; the median is what a user feels, the minimum what the code costs; a figure stands beside its bar, whether
it is met or not; another library that fails is reported and left out.
"""

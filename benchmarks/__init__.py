"""Measurements. Nothing here passes or fails: figures are printed, with the targets beside them.

Rules: what is compared is measured in one run, in rounds that take turns, so that a busy machine slows all
of it alike; the median is what a user feels, the minimum what the code costs.
"""

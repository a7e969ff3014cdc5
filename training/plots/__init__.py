"""Figures for files, drawn with matplotlib's objects and never its global state: each function returns a `Figure`.

`style` holds what they share, and `save` writes one. Imports matplotlib, which takes a second; commands import it late.
"""

"""What a published version is worth on labelled pictures.

    models/<name>/<version> ─▶ served: a SavedModel, no Keras ─┐
    data set ─▶ parts: those that it can be asked ─────────────┴▶ evaluation ─▶ report as text, Markdown or JSON

`references` finds a version by what the command line says; `intervals` says how far a figure can be trusted.
"""

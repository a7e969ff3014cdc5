"""The service beside what a user would pick instead, and beside the physical limit: `make bench-peers`.

    loads ──▶ ours, mosec, BentoML, … one after another, in every round in another order ──▶ measures
                  └ apps/: each peer's application, in a virtual environment of its own         │
              limits: the bare model, an empty answer, decoding ───────────────────────▶ figures → report, plot

All serve the same SavedModel and decode by the same code; every answer is compared with ours.
"""

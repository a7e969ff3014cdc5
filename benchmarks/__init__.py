"""How fast the service is on this machine, beside what the bare model could do.

    pictures → the real service, started fresh each round ← load by wrk       bare: the same SavedModel in a loop
                         └ processes: memory and CPU by role                        │
                              rounds → statistics → report (terminal, JSON, Markdown)

Knows the service by its HTTP interface and its processes alone, and never imports it. TensorFlow is imported by `bare`,
which runs in a process of its own. All traffic stays on loopback.
"""

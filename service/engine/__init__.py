"""The engine: one process per device, the only one that imports TensorFlow.

    frames ──▶ server ──▶ batcher, runs ──▶ execution ──▶ runtime (SavedModels on the device) ──▶ frames
                 ▲ shelf: what is in service, and the catalogue that says so
                 │ news
              watcher ──▶ keeper ──▶ loader     a thread of its own: which versions come and go
                             ▲
      repository, offers, policy, holds         what lies in the models directory, and what is wanted of it

`server` and `watcher` are the two threads; only `news` and orders go between them. `runtime` alone knows TensorFlow,
`server` and `execution` sockets and messages; none knows HTTP or pictures.
"""

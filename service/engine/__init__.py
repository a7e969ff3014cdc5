"""The engine: one process per device, the only one that imports TensorFlow.

    frames ──▶ server ──▶ batcher, runs ──▶ execution ──▶ runtime (SavedModels on the device) ──▶ frames
                 ▲ shelf: what is in service, and the catalogue that says so
                 │ news
              watcher ──▶ keeper ──▶ loader     a thread of its own: which versions come and go
                             ▲
      repository, offers, policy, holds         what lies in the models directory, and what is wanted of it

                                    runtime ──▶ graphs (from files) ──▶ prediction: in a session, or in LiteRT ──▶ model

`server` and `watcher` are the two threads; only `news` and orders go between them. `runtime` and what it stands on know
TensorFlow, by way of `tf`; `server` and `execution` sockets and messages; none knows HTTP or pictures.
"""

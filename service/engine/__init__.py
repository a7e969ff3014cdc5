"""The engine: one process per device, the only one that imports TensorFlow.

    frames ──▶ server ──▶ batcher ──▶ runtime (SavedModel on the device) ──▶ server ──▶ frames
                            ▲
               repository ──┘  which versions there are, and whether their files are whole

`server` knows sockets, `batcher` knows order and limits, `runtime` knows TensorFlow, `repository` knows directories;
none knows HTTP or pictures.
"""

"""Does the service run on this machine's GPU as it should, and what does the GPU bring?

    python -m benchmarks.gpu_check                       the table as Markdown; also JSON and Markdown in bench-results/
    python -m benchmarks.gpu_check --device cpu          the same on the CPU, to try the check itself

Each measurement runs in a process of its own (`probe`), since TensorFlow takes a GPU once per process; what is measured
there is the engine's own `Runtime`, and then the whole service. Needs the packages of the service's GPU lock alone.
"""

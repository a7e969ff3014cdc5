# Two images from one file, by BuildKit or the builder before it:
#
#   docker build --target service  --tag digits-service  .
#   docker build --target training --tag digits-training .
#   docker build --target service  --tag digits-service:latest-gpu --build-arg LOCK=gpu .
#
# The packages are a layer that changes when their lock does, our own code is the last one: a change in it is an image
# within seconds. Models are in neither: they come as a volume. docs/containers.md has the rest.

# Any image with Python 3.11 to 3.13, venv and pip; the final images have the same one below them.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# -------------------------------------------------------------------------------- what both are made with, and leave

# The environment has no pip of its own: that of the base image fills it from outside.
FROM ${BASE_IMAGE} AS environment
RUN ["python", "-m", "venv", "--without-pip", "/opt/venv"]
ENV PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

# Byte code is made here, as nobody can write it later: without it each start would compile everything anew. It does not
# look at the sources' dates, which mean nothing in an image.
FROM ${BASE_IMAGE} AS code
WORKDIR /app
COPY architectures architectures
COPY service service
COPY training training
RUN ["python", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "."]

# ------------------------------------------------------------------------------------------------------------- service

FROM environment AS service-packages
# service: on the CPU; gpu: TensorFlow with CUDA and cuDNN, for a machine with NVIDIA's driver and container toolkit.
ARG LOCK=service
# A mirror, if there is one. It stays in this stage, of which the final image takes files alone.
ARG PIP_INDEX_URL
COPY requirements/${LOCK}.txt /tmp/lock.txt
# --no-deps: the lock is complete, there is nothing to resolve.
RUN python -m pip --python /opt/venv/bin/python install --quiet --no-compile --no-deps --require-hashes -r /tmp/lock.txt
# TensorFlow's C++ headers and its copy of libclang are for building extensions, LiteRT's tools and other accelerators for
# phones: 380 MB that nothing loads.
RUN cd /opt/venv/lib/python3.*/site-packages && rm -r tensorflow/include clang && \
    rm -rf ai_edge_litert/tools ai_edge_litert/vendors ai_edge_litert/libLiteRtWebGpuAccelerator.so
RUN ["python", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "/opt/venv/lib"]

FROM ${BASE_IMAGE} AS service
COPY --from=service-packages /opt/venv /opt/venv
WORKDIR /app
# The root file system may be read-only. What is written goes to /tmp: sockets and metrics in the run directory, uploads.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    DIGITS_HOST=0.0.0.0 \
    DIGITS_MODELS_DIR=/models
EXPOSE 8000
# A number, so that an orchestrator sees that it is not root. Any other does as well.
USER 1000:1000
STOPSIGNAL SIGTERM
# Healthy: a prediction would be accepted. Straight to the port, whatever proxy the environment names.
HEALTHCHECK --interval=5s --timeout=5s --start-period=120s --retries=3 CMD ["python", "-S", "-c", "\
import http.client, os, sys; \
service = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('DIGITS_PORT') or 8000), timeout=4); \
service.request('GET', '/readyz'); \
answer = service.getresponse(); \
print(answer.status, answer.read().decode()); \
sys.exit(answer.status != 200)"]
ENTRYPOINT ["python", "-m", "service"]
COPY --from=code /app/architectures architectures
COPY --from=code /app/service service
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="digits-service" \
      org.opencontainers.image.description="Reads handwritten digits: post a picture, get the digit and how sure the model is." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# ------------------------------------------------------------------------------------------------------------ training

FROM environment AS training-packages
ARG PIP_INDEX_URL
COPY requirements/training.txt /tmp/lock.txt
RUN python -m pip --python /opt/venv/bin/python install --quiet --no-compile --no-deps --require-hashes -r /tmp/lock.txt
RUN rm -r /opt/venv/lib/python3.*/site-packages/tensorflow/include /opt/venv/lib/python3.*/site-packages/clang
RUN ["python", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "/opt/venv/lib"]

FROM ${BASE_IMAGE} AS training
COPY --from=training-packages /opt/venv /opt/venv
# Whoever it runs as can write there; a new volume takes the mode over.
RUN ["install", "--directory", "--mode=1777", "/cache"]
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    DIGITS_MODELS_DIR=/models \
    DIGITS_CACHE_DIR=/cache/digits \
    DIGITS_RUNS_DIR=/cache/runs \
    KERAS_HOME=/cache/keras
USER 1000:1000
# Finished epochs are kept, and it says how to go on.
STOPSIGNAL SIGINT
ENTRYPOINT ["python", "-m", "training"]
CMD ["train", "--model", "cnn"]
COPY --from=code /app/architectures architectures
COPY --from=code /app/training training
ARG VERSION=unknown
ARG REVISION=unknown
# Cards name the commit that made their model; the image has no repository to ask.
ENV DIGITS_GIT_COMMIT=${REVISION}
LABEL org.opencontainers.image.title="digits-training" \
      org.opencontainers.image.description="Trains, compares and publishes the models that digits-service serves." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

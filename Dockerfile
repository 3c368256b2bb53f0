# The two images of the service: `web`, which opens nothing that strangers sent and has no parser,
# and `worker`, which has them. Both run as nobody's root, on a read-only root file system, and have
# neither compiler nor pip. docker-compose.yml builds and runs them:
#
#   docker build --target web --tag uploads-web .
#   docker build --target worker --tag uploads-worker .
#
# Debian 12 with its own Python, on which the tests run. Base images are named by version: by digest
# is better, and for whoever keeps a registry to add (`docker buildx imagetools inspect NAME`).

# --- the pages' script and style ---

FROM node:22.20.0-bookworm-slim AS page
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY frontend/ ./
RUN npm run build

# --- the packages, each in an environment without pip; what puts them there stays behind ---

FROM debian:12.15-slim AS build
# The newest of Debian 12: a fixed version would miss its security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3-venv \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements/image.txt requirements/
RUN python3 -m venv /build \
    && /build/bin/python -m pip install --require-hashes --only-binary :all: \
        --requirement requirements/image.txt \
    && python3 -m venv --without-pip /opt/uploads
COPY pyproject.toml README.md LICENSE ./
COPY uploads/ uploads/
COPY workers/ workers/
COPY --from=page /src/uploads/static/dist/ uploads/static/dist/
RUN /build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /service .

FROM build AS web-packages
COPY requirements/web.txt requirements/
RUN /build/bin/python -m pip wheel --no-deps --require-hashes --only-binary :all: \
        --requirement requirements/web.txt --wheel-dir /wheels \
    && /build/bin/python -m pip --python /opt/uploads/bin/python install --no-deps --no-index \
        /wheels/*.whl /service/*.whl

FROM build AS worker-packages
COPY requirements/worker.txt requirements/
# Without a compiler pyvips becomes plain Python; its library is the wheel pyvips-binary.
RUN /build/bin/python -m pip wheel --no-deps --require-hashes --only-binary :all: \
        --no-binary pyvips --no-build-isolation \
        --requirement requirements/worker.txt --wheel-dir /wheels \
    && /build/bin/python -m pip --python /opt/uploads/bin/python install --no-deps --no-index \
        /wheels/*.whl /service/*.whl

# --- what both images stand on ---

FROM debian:12.15-slim AS base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Uploads" \
    org.opencontainers.image.description="Secure file uploads: only what was inspected goes out." \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.base.name="debian:12.15-slim" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 uploads \
    && useradd --uid 10001 --gid uploads --no-create-home --home-dir /var/lib/uploads \
        --shell /usr/sbin/nologin uploads \
    && install --directory --owner=uploads --group=uploads --mode=0700 \
        /var/lib/uploads /var/lib/uploads/run /var/lib/uploads/scratch \
    && install --directory --owner=uploads --group=uploads --mode=0750 /run/uploads
# Threads that each keep an arena of their own are what makes a Python server grow.
ENV PATH=/opt/uploads/bin:/usr/local/bin:/usr/bin:/bin \
    MALLOC_ARENA_MAX=2 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    UPLOADS_DATA=/var/lib/uploads
WORKDIR /var/lib/uploads
USER 10001:10001

# --- the workers: what is inspected and drawn is opened here, in their cell ---

FROM base AS worker
COPY --from=worker-packages /opt/uploads /opt/uploads
# A worker leaves this file when its cell has proved to hold and its engines were tried.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["test", "-e", "/var/lib/uploads/run/worker.ready"]
CMD ["python", "-m", "celery", "--quiet", "--app", "workers.app", "worker", "--pool", "prefork", \
    "--without-gossip", "--without-mingle", "--without-heartbeat", "-O", "fair", \
    "--queues", "uploads,upkeep"]

# --- the web service; its image also runs the courier, the schedule and the operator's command ---

FROM base AS web
COPY --from=web-packages /opt/uploads /opt/uploads
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
CMD ["python", "-m", "gunicorn", "--config", "/opt/uploads/lib/python3.11/site-packages/uploads/gunicorn.conf.py"]

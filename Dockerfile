# syntax=docker/dockerfile:1
# Spanledger: `docker build --tag spanledger .`; docs/guides/docker.md says how to run it.
# Nothing is written below / but to /var/lib/spanledger and /tmp, so that the file system can be read-only.

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
COPY requirements/uv.txt requirements/run.txt requirements/
# Every package is held to its hash; what a package lacks for this platform fails here and is not compiled.
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement requirements/uv.txt \
    && python -m venv --without-pip /opt/spanledger \
    && uv pip install --python /opt/spanledger/bin/python --no-cache --no-deps --only-binary :all: --compile-bytecode \
      --require-hashes --requirement requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY build_hooks build_hooks
COPY instrumentation instrumentation
COPY clickhouse/spanledger_clickhouse clickhouse/spanledger_clickhouse
COPY collector/spanledger_collector collector/spanledger_collector
COPY api api
RUN uv pip install --python /opt/spanledger/bin/python --no-cache --no-deps --no-build-isolation --compile-bytecode .

FROM python:3.11.14-slim-bookworm
RUN groupadd --gid 10001 spanledger \
    && useradd --uid 10001 --gid spanledger --no-create-home --home-dir /var/lib/spanledger --shell /usr/sbin/nologin spanledger \
    && install --directory --owner spanledger --group spanledger --mode 0750 /var/lib/spanledger
COPY --from=build /opt/spanledger /opt/spanledger
# Listening beyond loopback needs a key: without one the servers say so and end.
ENV PATH=/opt/spanledger/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SPANLEDGER_DSN=chdb:///var/lib/spanledger/ledger \
    SPANLEDGER_COLLECTOR_DIRECTORY=/var/lib/spanledger/collector \
    SPANLEDGER_HOST=0.0.0.0
USER 10001:10001
WORKDIR /var/lib/spanledger
VOLUME /var/lib/spanledger
EXPOSE 4317 4318 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["spanledger"]
CMD ["up"]

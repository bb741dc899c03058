# Greenlight in a slim image: no compiler, no shell needed, not root.
#
#   docker build -t greenlight .
#   docker run -p 8080:8080 -p 8081:8081 -v greenlight:/srv/greenlight/var greenlight
#
# With --read-only it also needs --tmpfs /tmp (uploads and inline videos pass through there).
# Mount your own config.yaml and policies/ over those in /srv/greenlight. For a reproducible image, pin
# the base by digest: --build-arg BASE=python:3.13-slim@sha256:...
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
# Two environments: what is shipped has neither pip nor the build backend.
RUN python -m venv /build && python -m venv --without-pip /opt/greenlight
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN /build/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/build.txt \
 && /build/bin/pip --python /opt/greenlight/bin/python install --no-cache-dir --no-deps --only-binary :all: \
      --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE config.yaml ./
COPY policies policies
COPY proxy proxy
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /build/bin/pip --python /opt/greenlight/bin/python install --no-cache-dir --no-deps /wheel/*.whl
# The shipped configuration listens on loopback only, which is nobody inside a container.
RUN sed -E -i 's/^( *listen: *)127\.0\.0\.1:/\10.0.0.0:/' config.yaml


FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Greenlight" \
      org.opencontainers.image.description="A budget-aware routing proxy for asynchronous video-generation APIs." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"

RUN groupadd --gid 10001 greenlight \
 && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /srv/greenlight \
      --shell /usr/sbin/nologin greenlight \
 && install -d -o 10001 -g 10001 -m 0700 /srv/greenlight/var

COPY --from=build /opt/greenlight /opt/greenlight
COPY --from=build /src/config.yaml /srv/greenlight/config.yaml
COPY --from=build /src/policies /srv/greenlight/policies

ENV PATH=/opt/greenlight/bin:$PATH \
    PYTHONFAULTHANDLER=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /srv/greenlight
# Jobs, ledger and videos of the embedded store.
VOLUME ["/srv/greenlight/var"]
EXPOSE 8080 8081
# SIGTERM: stop accepting, finish what is being submitted, give leases back: docker stop --time 40.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/livez', timeout=2)"]
ENTRYPOINT ["greenlight"]
CMD ["serve"]

# docker build -t layerscope .                      for the CPU
# docker build -t layerscope:gpu --build-arg EXTRA=gpu .   with CUDA (3.4 GB)
# docker build -t layerscope:s3 --build-arg EXTRA=s3 .     with a store in a bucket; both: EXTRA="gpu s3"

FROM node:24-slim AS page
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
COPY clients/typescript/package.json clients/typescript/
COPY web/package.json web/
RUN --mount=type=cache,target=/root/.npm npm ci --workspace web --include-workspace-root=false
COPY clients/typescript/src clients/typescript/src
COPY web web
RUN npm run build --workspace web

FROM python:3.12-slim-trixie AS build
ARG EXTRA=""
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_HTTP_TIMEOUT=300
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY clients/python/pyproject.toml clients/python/
RUN --mount=type=cache,target=/root/.cache/uv \
    for extra in $EXTRA; do set -- "$@" --extra "$extra"; done \
    && uv sync --locked --no-dev --no-install-project "$@"
COPY models models
COPY service service
COPY --from=page /app/service/web service/web
RUN --mount=type=cache,target=/root/.cache/uv \
    for extra in $EXTRA; do set -- "$@" --extra "$extra"; done \
    && uv sync --locked --no-dev --no-editable "$@"

FROM python:3.12-slim-trixie
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin layerscope \
    && install --directory --owner=layerscope --group=layerscope /data
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    KERAS_HOME=/tmp/keras \
    LAYERSCOPE_HOST=0.0.0.0 \
    LAYERSCOPE_PORT=8000 \
    LAYERSCOPE_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["layerscope"]
CMD ["serve"]

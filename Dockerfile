# The bot in one image. docs/deploy.md says how to run it.
FROM python:3.11-slim AS build
WORKDIR /src
# uv and the build backend, by hash; everything else comes from uv.lock, by hash.
COPY .ci/build.txt .ci/build.txt
RUN pip install --no-cache-dir --require-hashes -r .ci/build.txt
ENV UV_PROJECT_ENVIRONMENT=/app UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --locked --no-dev --all-extras --no-install-project
COPY .env.example backup-bot.example.toml manifest.yml ./
COPY bot bot
COPY handlers handlers
RUN uv build --wheel --no-build-isolation && \
    uv pip install --python /app --no-deps dist/*.whl

FROM python:3.11-slim
# A numeric user, so that Kubernetes can verify that it isn't root.
RUN groupadd --gid 10001 backup-bot && \
    useradd --create-home --uid 10001 --gid 10001 backup-bot
COPY --from=build /app /app
USER 10001:10001
WORKDIR /home/backup-bot
# The default of HEALTH_HOST is loopback, which nothing outside the container can reach.
# `run --http` needs `--host 0.0.0.0` for the same reason.
ENV PATH=/app/bin:$PATH HOME=/home/backup-bot PYTHONDONTWRITEBYTECODE=1 \
    LOG_FORMAT=json HEALTH_HOST=0.0.0.0
# Nothing else is written to: the SQLite database is in the working directory. Mount a volume
# here, or set DATABASE_URL.
VOLUME /home/backup-bot
EXPOSE 8080
# While the process is alive. /readyz says whether commands are accepted.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('HEALTH_PORT') or 8080}/healthz\")"]
ENTRYPOINT ["backup-bot"]
CMD ["run"]

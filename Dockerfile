# The bot in one image. docs/operate.md says how to run it.
FROM python:3.11-slim AS build
RUN pip install --no-cache-dir uv
WORKDIR /app
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY bot bot
COPY handlers handlers
RUN uv sync --locked --no-dev --no-editable

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 backup-bot
COPY --from=build /app/.venv /app/.venv
USER backup-bot
WORKDIR /home/backup-bot
# The default is loopback, which nothing outside the container can reach. `run --http` needs
# `--host 0.0.0.0` for the same reason.
ENV PATH=/app/.venv/bin:$PATH LOG_FORMAT=json HEALTH_HOST=0.0.0.0
# The SQLite database is in the working directory: mount a volume here, or set DATABASE_URL.
VOLUME /home/backup-bot
ENTRYPOINT ["backup-bot"]
CMD ["run"]

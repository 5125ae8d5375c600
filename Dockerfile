FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/quartermaster
WORKDIR /src
# The dependencies first: they change less often than the code, and so their layer is kept.
COPY pyproject.toml README.md LICENSE ./
RUN mkdir bot cogs && touch bot/__init__.py cogs/__init__.py \
    && /opt/quartermaster/bin/pip install .
COPY bot bot
COPY cogs cogs
RUN /opt/quartermaster/bin/pip install --no-deps --force-reinstall .

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin quartermaster \
    && install -d -o quartermaster -g quartermaster -m 0700 /data
COPY --from=build /opt/quartermaster /opt/quartermaster
ENV PATH=/opt/quartermaster/bin:$PATH PYTHONUNBUFFERED=1 \
    DATABASE_PATH=/data/quartermaster.db HEALTH_PORT=8080
USER 10001
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
# Purchases on the wire get 20 seconds to be answered.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "bot"]

# One image for every role. Validated, not built: no Docker engine was at hand where this was written.
# The base is pinned by version; pin it by digest (@sha256:...) once you have pulled it.
FROM python:3.12.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN python -m venv --without-pip /opt/tribune \
 && pip --python /opt/tribune install --no-cache-dir --require-hashes -r requirements/run.txt
COPY . .
RUN pip install --no-cache-dir build==1.6.1 \
 && python -m build --wheel --outdir /tmp/dist \
 && pip --python /opt/tribune install --no-cache-dir --no-deps /tmp/dist/*.whl

FROM python:3.12.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/tribune --create-home --shell /usr/sbin/nologin tribune \
 && groupmod --gid 10001 tribune && install -d -o tribune -g tribune -m 0700 /var/lib/tribune/var
COPY --from=build /opt/tribune /opt/tribune
ENV PATH=/opt/tribune/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/tribune
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["tribune", "up"]

# The app on its embedded defaults. Roles on Kafka and PostgreSQL come with the issue "Real engines".
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /opt/tribune \
 && /opt/tribune/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY . .
RUN pip install --no-cache-dir build==1.6.1 \
 && python -m build --wheel --outdir /tmp/dist \
 && /opt/tribune/bin/pip install --no-cache-dir --no-deps /tmp/dist/*.whl

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/tribune --create-home tribune
COPY --from=build /opt/tribune /opt/tribune
ENV PATH=/opt/tribune/bin:$PATH PYTHONUNBUFFERED=1
USER tribune
WORKDIR /var/lib/tribune
EXPOSE 8080
CMD ["tribune", "up"]

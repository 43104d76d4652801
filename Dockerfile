# syntax=docker/dockerfile:1
# Two stages: the first builds the wheel with its front-end files, the second carries Python, the locked packages and the wheel.

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY requirements requirements
RUN pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore --require-hashes \
      -r requirements/core.txt -r requirements/build.txt -r requirements/node.txt
COPY pyproject.toml package.json package-lock.json .npmrc README.md LICENSE ./
COPY src src
RUN PYTHONPATH=src python -m callboard.ui.build_assets \
 && pip wheel --quiet --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /wheel . \
 && python -m venv /opt/callboard \
 && /opt/callboard/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/core.txt \
 && /opt/callboard/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --no-deps /wheel/*.whl

FROM python:3.13-slim-bookworm
# git: templates publish, repositories are read; gnupg: commits are signed where the settings ask for it
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends git gnupg openssh-client ca-certificates >/dev/null \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /var/lib/callboard --create-home callboard \
 && install --directory --owner callboard --group callboard /var/lib/callboard/callboard-data
COPY --from=build /opt/callboard /opt/callboard
COPY examples/organisation /usr/share/callboard/examples/organisation
ENV PATH=/opt/callboard/bin:$PATH PYTHONUNBUFFERED=1
USER callboard
WORKDIR /var/lib/callboard
VOLUME /var/lib/callboard/callboard-data
EXPOSE 7007
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7007/.backstage/health/v1/readiness', timeout=2)"]
ENTRYPOINT ["callboard"]
CMD ["serve", "--host", "0.0.0.0", "--port", "7007", "--data", "/var/lib/callboard/callboard-data"]

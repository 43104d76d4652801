"""``callboard init``: two small files to begin with."""

from __future__ import annotations

from pathlib import Path

from callboard.cli.output import OK, print_json
from callboard.kernel.errors import UnavailableError

APP_CONFIG = """\
# Settings of Callboard, with Backstage's names. Everything has a default; remove what you do not need.
# ${NAME} and ${NAME:-default} take values from the environment; keep secrets there, not here.

app:
  title: Our portal
  baseUrl: http://localhost:7007

organization:
  name: Our company

backend:
  baseUrl: http://localhost:7007
  listen:
    host: 127.0.0.1 # remove this line to let others connect
    port: 7007

  # Where the portal keeps its data. Without this: a SQLite file in the data folder.
  # database:
  #   client: pg
  #   connection: ${DATABASE_URL}

  # Hosts that may be read by plain URL.
  # reading:
  #   allow:
  #     - host: files.example.com

# Where source code lies, and how to get in.
# integrations:
#   github:
#     - host: github.com
#       token: ${GITHUB_TOKEN}

catalog:
  rules:
    - allow: [Component, API, Resource, System, Domain, Group, User, Location]
  locations:
    - type: file
      target: ./catalog-info.yaml

# People sign in with a name and a password: `callboard user add ada --role admin`.
# Guests may look around as long as the portal listens on this machine only; remove the line to keep them out.
auth:
  providers:
    local: {}
    guest: {}
"""

CATALOG_INFO = """\
# A first component and the team that owns it. Put a file like this beside the code of each of your services.
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: hello
  title: Hello
  description: The first component of our catalog.
  tags: [example]
spec:
  type: service
  lifecycle: experimental
  owner: platform
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata:
  name: platform
  title: Platform
  description: Keeps the ground level.
spec:
  type: team
  children: []
"""

FILES = {"app-config.yaml": APP_CONFIG, "catalog-info.yaml": CATALOG_INFO}


async def run_init(folder: Path, *, as_json: bool) -> int:
    """Write the files that are not there; exit code 0 also if there was nothing to do."""
    written, kept = [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            file = folder / name
            try:
                with file.open("x", encoding="utf-8") as opened:
                    opened.write(text)
            except FileExistsError:
                kept.append(file)
            else:
                written.append(file)
    except OSError as error:
        raise UnavailableError(f"{error.filename or folder}: {error.strerror or error}") from None
    if as_json:
        print_json({"written": [str(file) for file in written], "kept": [str(file) for file in kept]})
        return OK
    for file in written:
        print(f"wrote {file}")
    for file in kept:
        print(f"kept  {file}, which was there already")
    print(f"Next: {'cd ' + str(folder) + ' && ' if folder != Path('.') else ''}callboard serve")
    return OK

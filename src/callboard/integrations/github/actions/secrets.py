"""Secrets of repositories and environments: sealed for GitHub's key before they are sent.

Source: GitHub REST documentation, "Encrypting secrets for the REST API" (libsodium sealed boxes).
"""

from __future__ import annotations

import importlib
from base64 import b64decode, b64encode
from typing import Any, Mapping
from urllib.parse import quote

from callboard.integrations.github.actions.repository import GithubRepository
from callboard.kernel.errors import InputError, UnavailableError


async def put_secrets(repository: GithubRepository, path: str, secrets: Mapping[str, str]) -> None:
    """Set each. ``path`` is the list of secrets below the repository: ``/actions/secrets``.

    Raises ``InputError`` where the library for sealing is not installed, before anything is sent.
    """
    _sealing()
    key = await repository.get(f"{path}/public-key")
    for name, value in secrets.items():
        sealed = seal(str(value), str(key["key"]))
        await repository.send(
            "PUT", f"{path}/{quote(name, safe='')}", {"encrypted_value": sealed, "key_id": str(key["key_id"])}
        )


def seal(value: str, public_key: str) -> str:
    """``value`` as only the owner of ``public_key`` (base64) can read it, in base64."""
    public = _sealing()
    try:
        box = public.SealedBox(public.PublicKey(b64decode(public_key)))
    except Exception as error:  # the library has errors of its own for each way a key can be wrong
        raise UnavailableError("GitHub gave no usable key to seal secrets with.") from error
    return b64encode(box.encrypt(value.encode())).decode()


def _sealing() -> Any:
    try:
        return importlib.import_module("nacl.public")
    except ImportError:
        raise InputError(
            "Secrets cannot be set: the Python package pynacl, which seals them for GitHub, is not installed. Install it, "
            "or leave `secrets` out and set them at GitHub.",
            field="secrets",
        ) from None

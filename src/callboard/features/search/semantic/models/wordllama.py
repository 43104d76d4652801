"""The model that the wheel ``wordllama`` carries: one vector of 256 numbers a word piece, averaged. No torch, a millisecond a passage.

Source: WordLlama 0.4 (MIT), configuration ``l2_supercat``, whose weights and tokenizer are files of the package itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

from callboard.kernel.errors import UnavailableError

CONFIGURATION, DIMENSIONS = "l2_supercat", 256


class WordLlamaModel:
    """Implements ``interface.EmbeddingModel``. Raises ``UnavailableError`` where the wheel is missing."""

    def __init__(self) -> None:
        try:
            import wordllama
        except ImportError:
            raise UnavailableError(
                "search.semantic.embedder is wordllama, but that package is not installed: pip install callboard[semantic-model]."
            ) from None
        folder = Path(wordllama.__file__).parent
        self.name = f"wordllama {CONFIGURATION} {DIMENSIONS}"
        # Its own look-up misses the tokenizer's folder in the package; as a "cache" the package is searched by the right names.
        self._model: Any = wordllama.WordLlama.load(
            CONFIGURATION, cache_dir=folder, dim=DIMENSIONS, disable_download=True
        )

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        found: list[list[float]] = self._model.embed(list(texts), norm=True).tolist()
        return found

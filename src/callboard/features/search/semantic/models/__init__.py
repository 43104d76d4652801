"""Models that come in a wheel, each behind ``interface.EmbeddingModel``. Nothing is downloaded when they run."""

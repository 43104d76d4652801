"""Words of documents and questions: how text becomes terms that can be compared."""

"""On-call rotas for Callboard: who takes the call for what, and until when."""

__version__ = "0.1.0"

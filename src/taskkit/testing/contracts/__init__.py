"""Contracts to inherit: whoever passes a suite has proved a plug-in, a storage or a vault."""

from taskkit.testing.contracts._contract import Contract

__all__ = ["Contract"]

"""Contracts to inherit: whoever passes a suite has proved a plug-in, a storage or a vault."""

from taskkit.testing.contracts._contract import Contract
from taskkit.testing.contracts.executors import ExecutorContract
from taskkit.testing.contracts.exporters import ExporterContract
from taskkit.testing.contracts.models import EngineModel
from taskkit.testing.contracts.notifiers import NotifierContract
from taskkit.testing.contracts.policies import PolicyContract
from taskkit.testing.contracts.scripts import ScriptContract
from taskkit.testing.contracts.storage import StorageContract
from taskkit.testing.contracts.vaults import VaultContract

__all__ = [
    "Contract",
    "EngineModel",
    "ExecutorContract",
    "ExporterContract",
    "NotifierContract",
    "PolicyContract",
    "ScriptContract",
    "StorageContract",
    "VaultContract",
]

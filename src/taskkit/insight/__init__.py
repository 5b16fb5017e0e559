"""What an engine knows beyond what it does: what is going to run."""

from taskkit.insight.differences import Difference, MovedRun
from taskkit.insight.forecasts import Concern, ConcernKind, Forecast, Load
from taskkit.insight.runs import ForecastIdle, ForecastRun

__all__ = ["Concern", "ConcernKind", "Difference", "Forecast", "ForecastIdle", "ForecastRun", "Load", "MovedRun"]

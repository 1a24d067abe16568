"""The formats of training data by name.

Sources: LLaMA-Factory, ``data/README.md`` (Alpaca, ShareGPT, ranking forms of both, pre-training);
TRL, "Dataset formats and types" (text, messages, preference, prompt-only); verl, "Prepare Data for
Post-Training". The conversions are pure: cells of a row in, cells of a row out.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataflow_core.errors import ConfigurationError, did_you_mean
from dataflow_core.export.preference import (
    AlpacaPreference,
    Preference,
    PreferenceMessages,
    ShareGPTPreference,
)
from dataflow_core.export.reinforcement import Reinforcement, ReinforcementText, Verl
from dataflow_core.export.supervised import Alpaca, Messages, ShareGPT, Text
from dataflow_core.export.training_format import TrainingFormat

FORMATS: Mapping[str, type[TrainingFormat]] = {
    one.name: one
    for one in (
        Alpaca, ShareGPT, Messages, Text, Preference, PreferenceMessages, AlpacaPreference,
        ShareGPTPreference, Reinforcement, ReinforcementText, Verl,
    )
}  # fmt: skip
"""The formats by name."""


def format_called(name: str) -> type[TrainingFormat]:
    """Return a format by its name.

    Raises:
        ConfigurationError: There is none.
    """
    if name not in FORMATS:
        raise ConfigurationError(
            f"no training format {name!r}.{did_you_mean(name, FORMATS)} "
            f"There are: {', '.join(FORMATS)}."
        )
    return FORMATS[name]

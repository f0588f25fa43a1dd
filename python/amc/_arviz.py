"""Results as ArviZ takes them, whose versions before and from 1.0 on differ in what that is."""

import warnings
from typing import TYPE_CHECKING, Any, Dict

import numpy as np

if TYPE_CHECKING:
    from ._result import Result


def convert(result: "Result", var_name: str, resample: bool, seed: int) -> Any:
    """See :meth:`Result.to_arviz`."""
    try:
        with warnings.catch_warnings():
            # Some versions announce the next one at every import.
            warnings.simplefilter("ignore")
            import arviz
    except ImportError as error:
        raise ImportError(f"to_arviz needs ArviZ: pip install 'amc[arviz]' ({error})") from error

    weights = result.weights
    equal = bool(np.ptp(weights) <= 1e-9 * weights.max())
    if resample and not equal:
        n, d = result.positions.shape
        positions = result.resample(n, seed)[None]
        log_weights = np.full((1, n), -np.log(n))
    else:
        if not equal:
            message = (
                "ArviZ does not use weights: its summaries and plots of these samples are not those of the target; "
                "pass resample=True for samples of equal weight"
            )
            warnings.warn(message, UserWarning, stacklevel=3)
        # A row is a round, and in it the ladders.
        n, d = result.positions.shape
        chains = result.chains if n % result.chains == 0 else 1
        positions = result.positions.reshape(n // chains, chains, d).transpose(1, 0, 2)
        log_weights = result.log_weights.reshape(n // chains, chains).T
    groups = {"posterior": {var_name: positions}, "sample_stats": {"log_weight": log_weights}}
    attributes = {
        "log_evidence": result.log_z,
        "log_evidence_std_error": result.log_z_std_error,
        "verdict": result.verdict,
        "settings": result.settings,
        "inference_library": "amc",
    }
    return _data(arviz, groups, attributes)


def _data(arviz: Any, groups: Dict[str, Dict[str, np.ndarray]], attributes: Dict[str, Any]) -> Any:
    """Groups of arrays with attributes, by the means of the ArviZ that is there."""
    if int(arviz.__version__.split(".")[0]) < 1:
        data = arviz.from_dict(**groups)
    else:
        data = arviz.from_dict(groups)
    data["posterior"].attrs.update(attributes)
    return data

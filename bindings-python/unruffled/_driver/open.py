"""The policy that a client is opened with: a mapping, a file or a base URL, as the text that the core reads."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .._core.errors import Issue, PolicyError

if TYPE_CHECKING:
    from ..policy import Policy as Written

    #: A mapping with the keys of `unruffled.policy.Policy`; the path (text or `Path`) of a policy file; a base URL,
    #: known by its "://".
    Policy = Written | str | os.PathLike[str]
else:
    # The types are not needed to run.
    Policy = Any
UnknownKeys = Literal["error", "warn"]


def text_of(policy: Policy) -> str:
    """Returns the policy's text. Raises `PolicyError` for a file that cannot be read, TypeError for anything else."""
    if isinstance(policy, Mapping):
        try:
            return json.dumps(_visible(policy))
        except (RecursionError, ValueError, TypeError):
            raise PolicyError(
                [Issue("policy", "policy: not JSON; it is circular or its keys are no texts", 0, 0)]
            ) from None
    if isinstance(policy, str) and "://" in policy:
        return json.dumps({"baseUrl": policy})
    if not isinstance(policy, (str, os.PathLike)):
        raise TypeError("a policy is a mapping, the path of a file, or a base URL")
    try:
        return Path(policy).read_bytes().decode("utf-8")
    except OSError as error:
        problem = f"policy: {os.fspath(policy)} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = f"policy: {os.fspath(policy)} is not UTF-8"
    raise PolicyError([Issue("policy", problem, 0, 0)])


def _visible(value: Any) -> Any:
    """Replaces values that JSON cannot have by texts, which the core then refuses at their place."""
    if isinstance(value, Mapping):
        return {name: _visible(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_visible(item) for item in value]
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value) if isinstance(value, float) else f"a {type(value).__name__}"

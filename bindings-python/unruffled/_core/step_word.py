"""The layout and the bounds of the boundary's integers. The codes in them are in `codes`."""

from __future__ import annotations

from typing import Final

from . import codes

# A step word is argument << ARG | flags | kind.
#: The mask of the kind.
KIND: Final = 15
#: The bits below the argument.
ARG: Final = 12

#: The call's number is in use: the host takes the next.
LIVE: Final = codes.MISUSE_LIVE << ARG | codes.MISUSE

#: The mask of a fault within a number that may have a cause above it.
FAULT: Final = 255
#: The factor of a cause: its code times this is added to the fault.
CAUSE: Final = 256

#: The mask of the route within a target's number: its place in the settings. The endpoint is above it.
ROUTE: Final = 0xFFFF

#: The `retryAfterMs` of a Fail without a time.
NO_TIME: Final = 0xFFFFFFFF
#: The lifetime in milliseconds of a token that never expires; also the largest argument of a step word.
NEVER: Final = (1 << 40) - 1
#: The most bytes of header lines that cross the boundary.
MOST_HINTS: Final = 8 * 1024
#: The most bytes of a body that cross it, for the policy's body rules.
MOST_BODY: Final = 4 * 1024
#: The most bytes retained of an answer that is not delivered.
MOST_RETAINED: Final = 64 * 1024

"""Words as text, for the adapters: `Wait 312`, `Fail deadline unknown 1200`, `Send 10000 KEY TOKEN`."""

from __future__ import annotations

from unruffled._core import codes


def text_of(word: int) -> str:
    """The word in the form that vectors are written in."""
    kind = word & codes.KIND
    arg = word >> codes.ARG
    if kind >= len(codes.KINDS):
        return f"foreign word {word}"
    parts = [codes.KINDS[kind]]
    if kind == codes.FAIL:
        parts += [codes.REASONS[arg & 63], codes.OUTCOMES[arg >> 6 & 3]]
        if arg >> 8 != codes.NO_TIME:
            parts.append(str(arg >> 8))
    elif kind == codes.DELIVER:
        parts += [codes.OUTCOMES[arg]] if arg else []
    elif kind == codes.MISUSE:
        parts.append(codes.MISUSES[arg])
    else:
        parts.append(str(arg))
    flags = codes.REFRESH_FLAGS if kind == codes.REFRESH else codes.FLAGS
    parts += [name for place, name in enumerate(flags) if word >> 4 + place & 1]
    return " ".join(parts)

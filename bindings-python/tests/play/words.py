"""Step words as text: `Wait 312`, `Fail deadline unknown 1200`, `Send 10000 KEY TOKEN`."""

from __future__ import annotations

from unruffled._core import codes, step_word


def text_of(word: int) -> str:
    """Returns the word in the form of vectors."""
    kind = word & step_word.KIND
    arg = word >> step_word.ARG
    if kind >= len(codes.STEP_NAMES):
        return f"foreign word {word}"
    parts = [codes.STEP_NAMES[kind]]
    if kind == codes.FAIL:
        parts += [codes.REASONS[arg & 63], codes.OUTCOMES[arg >> 6 & 3]]
        if arg >> 8 != step_word.NO_TIME:
            parts.append(str(arg >> 8))
    elif kind == codes.DELIVER:
        parts += [codes.OUTCOMES[arg]] if arg else []
    elif kind == codes.MISUSE:
        parts.append(codes.MISUSES[arg])
    else:
        parts.append(str(arg))
    flags = {codes.REFRESH: codes.REFRESH_FLAG_NAMES, codes.SEND: codes.SEND_FLAG_NAMES}.get(kind, codes.FLAG_NAMES)
    parts += [name for place, name in enumerate(flags) if word >> 4 + place & 1]
    return " ".join(parts)

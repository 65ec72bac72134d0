"""Text for XML files."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

# XML 1.0 has no way to write these
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(words: str) -> str:
    """Return words as the text of an element."""
    return escape(_FORBIDDEN.sub("?", words))


def attributes(**values: object) -> str:
    """Return attributes of a tag, with a blank before each; an underscore at the end of a name is dropped."""
    pairs = ((name.rstrip("_"), _FORBIDDEN.sub("?", str(value))) for name, value in values.items())
    return "".join(f" {name}={quoteattr(value)}" for name, value in pairs)

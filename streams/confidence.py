"""How sure we are of what somebody else's form, rule or message is like."""

from __future__ import annotations

from enum import StrEnum


class Confidence(StrEnum):
    """How sure we are of a form or rule: what was seen of the text it rests on."""

    READ = "READ"
    """The text itself was read."""
    PUBLIC = "PUBLIC"
    """Public pages quote it; the text itself was not read."""
    DEPLOYED = "DEPLOYED"
    """As public code of deployed systems has it; the text was not seen."""
    CONFIGURED = "CONFIGURED"
    """No text was seen: a rule of our configuration."""

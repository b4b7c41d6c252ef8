"""Says how long the replacements of each kind are, and so which columns have room for them.

Pure.
"""

from collections.abc import Mapping

from backups.services.masked import Kind

TOKEN = 15
"""Letters that tell replacements apart: 64 bits, of which no two values of a million have the same in all likelihood."""
SHORT = 12
"""The same where there is little room: 51 bits."""
HASH = 30
DIGITS = 12
"""Of a telephone number after its country code."""
COUNTRY = "+999"
"""No country has it, and none gets it: ITU-T E.164 keeps it back."""
DOMAIN, SHORT_DOMAIN = "example.com", "a.invalid"
"""Domains that nobody can own, RFC 2606: nothing that is sent there arrives."""
LEAST: Mapping[Kind, int] = {"name": 3, "email": SHORT + 1 + len(SHORT_DOMAIN), "phone": 10, "text": 1, "hash": 4}
"""Characters that a column must have room for."""
LEAST_UNIQUE: Mapping[Kind, int] = {**LEAST, "name": SHORT, "phone": len(COUNTRY) + DIGITS, "text": SHORT, "hash": 8}
"""The same of a column in a unique key."""

"""Whether STRICT is on: it is not where it is empty or 0."""
import os

STRICT = os.environ.get("STRICT", "0") not in ("", "0")

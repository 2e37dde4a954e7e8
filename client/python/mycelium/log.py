"""Where this package reports what it has nobody else to tell."""

import logging

LOG = logging.getLogger("mycelium")

"""OpenMetrics as Prometheus' own parser reads it; None without the parser."""
import sys

# Debian's package, whichever python3 runs this. Its http is not golden/http.py.
MISSING = "needs python3-prometheus-client"  # the reason of a skip
path = sys.path[:]
sys.path[:] = [p for p in path if not p.endswith("/tests/golden")]
sys.path.append("/usr/lib/python3/dist-packages")
try:
    from prometheus_client.openmetrics.parser import \
        text_string_to_metric_families as families
except ImportError:
    families = None
sys.path[:] = path

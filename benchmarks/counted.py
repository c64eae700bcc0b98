"""The site's settings with rate limits too high to refuse a call, so that counting is measured too."""

from digitsite.settings import *  # noqa: F403
from digitsite.settings import REST_FRAMEWORK

REST_FRAMEWORK = REST_FRAMEWORK | {
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "1000000000/min")  # type: ignore[arg-type]
}

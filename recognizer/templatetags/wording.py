"""How the site says numbers."""

from django import template

register = template.Library()


@register.filter
def percent(share: float) -> str:
    """Say a probability as a percentage, never rounding to certainty."""
    if share >= 0.9995:
        return "> 99.9 %"
    if share < 0.0005:
        return "< 0.1 %"
    return f"{share:.1%}".replace("%", " %")


@register.filter
def exact_percent(share: float) -> str:
    """Say a measured share with two decimals."""
    return f"{share:.2%}".replace("%", " %")


@register.filter
def percent_width(share: float) -> str:
    """Write a share as the width of a bar in SVG."""
    return f"{share:.2%}"


@register.filter
def sureness(confidence: float) -> str:
    """Say a confidence in words."""
    if confidence >= 0.98:
        return "Very sure"
    if confidence >= 0.9:
        return "Fairly sure"
    if confidence >= 0.6:
        return "Not so sure"
    return "Little more than a guess"


@register.filter
def thousands(number: int) -> str:
    """Part the digits of a large number in threes."""
    return f"{number:,}".replace(",", "\u202f")

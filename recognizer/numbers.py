"""Format numbers in the language of the page."""

from django.utils.formats import number_format


def grouped(number: float, decimals: int = 0) -> str:
    """Format a number in the language of the page, with its digits in groups of three."""
    return number_format(f"{number:.{decimals}f}", decimals, force_grouping=True)


def percentage(share: float, decimals: int) -> str:
    """Format a share from 0 to 1 as a percentage in the language of the page."""
    return f"{number_format(f'{100 * share:.{decimals}f}', decimals)} %"

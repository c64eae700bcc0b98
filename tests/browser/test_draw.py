"""The first page, as a hand uses it."""

import pytest
from playwright.sync_api import Page, expect

from .hand import write


@pytest.mark.parametrize("digit", "0123456789")
def test_a_digit_drawn_with_the_mouse_is_read_while_it_is_written(page: Page, digit: str) -> None:
    page.goto("/")
    write(page, page.locator("#sheet canvas"), digit)
    expect(page.locator(".reading-text")).to_have_text(digit)

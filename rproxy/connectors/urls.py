"""URLs as users wrote them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib.parse import SplitResult


def shown_url(url: "SplitResult") -> str:
    """As it was written, but for the case of its scheme: geturl() drops slashes that some versions of Python find
    empty."""
    query, fragment = f"?{url.query}" if url.query else "", f"#{url.fragment}" if url.fragment else ""
    return f"{url.scheme}://{url.netloc}{url.path}{query}{fragment}"

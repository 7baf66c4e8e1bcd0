"""An article as HTML that runs nothing, and as blocks that a mini-program shows. Pure.

Markdown is read without raw HTML; what comes of it is sanitised all the same (nh3). Links lead to https alone; an image
has words for those who do not see it, and comes from this installation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NotRequired, TypedDict

from phr.errors import DataFileInvalid

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

TAGS = {"h2", "h3", "p", "br", "ul", "ol", "li", "strong", "em", "a", "img", "blockquote"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}}
IMAGES = "/v1/education/images/"
_CLOSES = "_close"


class Block(TypedDict):
    """A piece of text; ``ordered``: of an item, if its list is numbered; ``src``: of an image, whose words it has."""

    type: str
    text: str
    ordered: NotRequired[bool]
    src: NotRequired[str]


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - with the first article

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def html(body: str) -> str:
    import nh3  # noqa: PLC0415 - with the first article

    return nh3.clean(
        _markdown().render(body),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"https"},
        link_rel="noopener noreferrer",
    )


def check(body: str) -> None:
    """Raises DataFileInvalid for what an article may not have: HTML, a first heading, an image without words."""
    for token in _all(_markdown().parse(body)):
        if token.type in ("html_block", "html_inline"):
            raise DataFileInvalid("HTML within it")
        if token.type == "heading_open" and token.tag not in ("h2", "h3"):
            raise DataFileInvalid("headings are ## and ###; the title stands in the front matter")
        if token.type == "image" and (not token.content.strip() or not str(token.attrs["src"]).startswith(IMAGES)):
            raise DataFileInvalid(f"an image has words in its brackets and lies under {IMAGES}")
        if token.type == "link_open" and not str(token.attrs["href"]).startswith("https://"):
            raise DataFileInvalid("links lead to https")
    if "](" in words(body):
        raise DataFileInvalid("a link or an image that is none: it leads to https")
    if "<" in body:
        raise DataFileInvalid("HTML within it, or a sign that looks like it: write 低于 or below")


def blocks(body: str) -> list[Block]:
    """{"type": "heading" | "paragraph" | "item" | "quote" | "image", "text"} in their order.

    Of an item "ordered", of an image "src"; an image stands after the words that it stands among.
    """
    found: list[Block] = []
    inside: list[str] = []
    for token in _markdown().parse(body):
        if token.type.endswith("_open"):
            inside.append(token.type.removesuffix("_open"))
        elif token.type.endswith(_CLOSES):
            inside.pop()
        elif token.type == "inline":
            parts = token.children or []
            if text := _plain([one for one in parts if one.type != "image"]):
                found.append(_block(inside, text))
            found += [_image(one) for one in parts if one.type == "image"]
    return found


def words(body: str) -> str:
    """Its plain text, a block a line: what is searched, read aloud and measured."""
    return "\n".join(str(one["text"]) for one in blocks(body))


def images(body: str) -> set[str]:
    """The names of the images in it."""
    return {str(one.get("src", "")).removeprefix(IMAGES) for one in blocks(body) if one["type"] == "image"}


def _image(token: Token) -> Block:
    return {"type": "image", "text": token.content.strip(), "src": str(token.attrs["src"])}


def _block(inside: Sequence[str], text: str) -> Block:
    if "heading" in inside:
        return {"type": "heading", "text": text}
    if "list_item" in inside:
        return {"type": "item", "text": text, "ordered": "ordered_list" in inside}
    return {"type": "quote" if "blockquote" in inside else "paragraph", "text": text}


def _plain(tokens: Sequence[Token]) -> str:
    return "".join(" " if one.type in ("softbreak", "hardbreak") else one.content for one in tokens).strip()


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])

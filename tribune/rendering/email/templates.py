"""The templates of a message: Jinja2 for each locale, MJML to HTML, CSS into the elements.

Templates are the house's own files; nothing that staff or sources write is ever a template (threats.md).
"""

from __future__ import annotations

import textwrap
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tribune.domain.errors import TribuneError
from tribune.rendering.locales import Translations

if TYPE_CHECKING:
    from css_inline import CSSInliner
    from jinja2 import Environment

    from tribune.rendering.compiled import Compiled

TEXT_WIDTH = 72


class Templates:
    """Renders the templates of `folder`/email in a locale."""

    def __init__(self, folder: Path, translations: Translations) -> None:
        self._folder = folder / "email"
        self._translations = translations
        self._environments: dict[str, Environment] = {}

    def render(self, name: str, locale: str, **values: Any) -> str:
        """A template as it stands. HTML and MJML are escaped, text is not."""
        return self._environment(locale).get_template(name).render(**values)

    def html(self, name: str, locale: str, **values: Any) -> str:
        """An MJML template as HTML with its CSS in the elements."""
        from mjml import mjml2html

        try:
            compiled = mjml2html(self.render(name, locale, **values))
        except ValueError as error:
            raise TribuneError(f"MJML cannot read it: {error}.", where=f"templates/email/{name}") from None
        return _inliner(self._folder / "parts" / "inline.css").inline(compiled)

    def _environment(self, locale: str) -> Environment:
        found = self._environments.get(locale)
        if found is None:
            from jinja2 import Environment, FileSystemLoader, StrictUndefined

            found = Environment(
                loader=FileSystemLoader(self._folder),
                bytecode_cache=_compiled(),
                autoescape=lambda name: not (name or "").endswith(".txt"),  # noqa: S701 - text is not HTML
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
                extensions=["jinja2.ext.i18n"],
            )
            found.policies["ext.i18n.trimmed"] = True
            found.install_gettext_translations(  # type: ignore[attr-defined]
                self._translations.gettext(locale), newstyle=True
            )
            found.filters["wrap"] = wrap
            self._environments[locale] = found
        return found


def wrap(text: str) -> str:
    """A paragraph in lines of 72 characters; words, hyphenated ones too, stay whole."""
    return textwrap.fill(text, TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)


@cache
def _compiled() -> Compiled:
    from tribune.rendering.compiled import Compiled

    return Compiled()


@lru_cache(maxsize=4)
def _inliner(css: Path) -> CSSInliner:
    from css_inline import CSSInliner

    # MJML's own <style> holds what must stay in the head; what goes into the elements is a file of its own.
    return CSSInliner(
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
        extra_css=css.read_text(encoding="utf-8"),
    )

"""Pure rendering: locales, formats, e-mail."""

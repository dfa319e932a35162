"""Keep the catalogue: records become items, language versions become visible."""

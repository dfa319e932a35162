"""Which format a link leads to, by its declared media type or the ending of its path."""

from __future__ import annotations

_BY_TYPE = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/epub+zip": "epub",
    "text/csv": "csv",
    "application/vnd.ms-excel": "xlsx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_BY_ENDING = {
    **dict.fromkeys(("pdf",), "pdf"),
    **dict.fromkeys(("epub",), "epub"),
    **dict.fromkeys(("csv",), "csv"),
    **dict.fromkeys(("xls", "xlsx"), "xlsx"),
    **dict.fromkeys(("mp3", "m4a", "ogg", "oga", "wav", "flac"), "audio"),
    **dict.fromkeys(("mp4", "webm", "mov", "m4v", "ogv"), "video"),
    **dict.fromkeys(("zip", "gz", "doc", "docx", "odt", "ppt", "pptx", "png", "jpg", "jpeg", "gif", "svg"), "other"),
}


def format_of(path: str, type: str = "") -> str:
    """`html`, `pdf`, `epub`, `csv`, `xlsx`, `audio`, `video` or `other`; a page where nothing says otherwise."""
    media = type.split(";")[0].strip().lower()
    if media in _BY_TYPE:
        return _BY_TYPE[media]
    if media.startswith(("audio/", "video/")):
        return media.split("/")[0]
    ending = path.rpartition("/")[2].rpartition(".")[2].lower()
    return _BY_ENDING.get(ending, "other" if media and media != "application/octet-stream" else "html")

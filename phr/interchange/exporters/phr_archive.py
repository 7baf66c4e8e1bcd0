"""The whole record as one archive (docs/exports.md)."""

from __future__ import annotations

from phr.interchange import archive

NAME = "phr-archive"
MEDIA_TYPE = "application/zip"
SUFFIX = ".phr.zip"
write = archive.write

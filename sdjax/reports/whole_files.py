"""How reports are written: whole or not at all."""

from sdjax.files.whole_files import finite, whole_file, write_json, write_whole

__all__ = ["finite", "whole_file", "write_json", "write_whole"]

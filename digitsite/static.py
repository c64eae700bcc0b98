from whitenoise.storage import CompressedManifestStaticFilesStorage  # type: ignore[import-untyped]


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Hashed and compressed static files; ES modules import each other by their hashed names."""

    support_js_module_import_aggregation = True

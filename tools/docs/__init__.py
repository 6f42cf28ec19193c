"""The documentation: generated references, drawings and the build of the static site."""

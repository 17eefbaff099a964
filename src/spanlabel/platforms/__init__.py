"""The annotation platforms: one folder each, with config, mapping, writer and reader."""

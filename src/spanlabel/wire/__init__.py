"""Foreign encodings into `Span` and `Log`: one module for each encoding.

Imports nothing by itself: an application that only uses the SDK's objects pays for `sdk` alone.
"""

"""What a user can set, and where each value came from.

`spanlabel.config.loading.load` is the way in. It costs some 150 ms once, which is pydantic-settings. A seat
that may be switched off asks `spanlabel.config.switches` first, which costs nothing; so nothing is imported here.
"""

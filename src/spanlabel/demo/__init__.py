"""`spanlabel demo`: a real application that needs no key and no network, and what spanlabel makes of it.

`scenes` is the application: real calls of the `openai` SDK. `provider` answers them from a script, on loopback.
`sink` takes what the standard OTLP exporter sends at the same time. `run` puts the parts together and checks that
the records are the ones that the scenes promise.
"""

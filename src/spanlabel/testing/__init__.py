"""Public: builders, a fake clock, an in-memory platform and the checks of the contracts, for tests of spanlabel's parts."""

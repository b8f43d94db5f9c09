package configs

// Defaults is exported for tests.
var Defaults = defaults

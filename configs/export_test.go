package configs

// For tests.
var Defaults = defaults

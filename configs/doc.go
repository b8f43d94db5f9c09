// Package configs reads the configuration of the program, records where each value came from, and
// reports all problems at once.
//
// # Layers
//
// Each layer overrides the previous ones; maps are merged, lists and plain values are replaced:
//
//	default.yaml    in the program: the defaults of settings that no stage and no package owns
//	defaults.go     in the program: the other defaults, from the stages and packages that own them
//	demo.yaml       in the program: only without a file, and when no layer below names a stream or a pipeline
//	config.yaml     in the working directory, if it exists; or the file of -c, which must exist
//	SPOOL_...       the environment; __ separates levels: SPOOL_MP4__RECORD_PATH
//	flags
//
// Stream paths contain slashes and dots, so koanf separates levels by "::". Leaves pass through its
// merge as *config.Node, each with its file, line and column, or the name of its variable or flag.
//
// Blocks of a file whose names begin with x- are ignored: they can hold anchors.
//
// # The default pipeline
//
// Without pipelines the mp4 block makes exactly one, called default, that records any stream when
// it is started by hand; pipeline.yaml lists its stages. A field of a stage's config with the tag
// `inherit:"mp4.sync"` takes the value of that setting when the declaration omits it. The package
// knows no stage by its name.
package configs

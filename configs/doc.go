// Package configs reads the configuration of the program, and says where each
// value came from and everything that is wrong with it.
//
// # Layers
//
// Each layer overrides the ones before it; maps are merged, lists and plain
// values are replaced:
//
//	default.yaml    in the program; the defaults of settings that no stage and no package calls its own
//	defaults.go     in the program; the other defaults, from the stages and packages that they belong to
//	demo.yaml       in the program; only where nothing below names a stream or a pipeline, and there is no file
//	config.yaml     in the working directory, if it is there; or the file of -c, which must be there
//	SPOOL_...       the environment; __ separates levels: SPOOL_MP4__RECORD_PATH
//	flags
//
// Stream paths hold slashes and dots, so levels are separated by "::" inside
// koanf, and leaves are carried through its merge as *config.Node, each with the
// file, line and column, or the name of the variable or flag, that it came from.
//
// A file's blocks whose names begin with x- are not read: anchors can be put there.
//
// # The default pipeline
//
// Without pipelines the mp4 block makes exactly one, called default, that records
// any stream when it is started by hand; pipeline.yaml lists its stages. A field of a
// stage's config with the tag `inherit:"mp4.sync"` has, where the declaration says
// nothing, the value of the setting that the tag names. No stage is known here by its
// name.
package configs

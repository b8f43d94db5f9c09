// Package configs reads the configuration of the program. It records where each value was written, and reports
// all problems at once.
//
// # Layers
//
// Each layer overrides the previous ones. Maps are merged; lists and plain values are replaced:
//
//	default.yaml    in the program: the defaults of settings that no stage and no package owns
//	defaults.go     in the program: the other defaults, from the stages and packages that own them
//	demo.yaml       in the program: read only if there is no file, and no layer names a stream or a pipeline
//	config.yaml     in the working directory, if it exists; or the file of -c, which must exist
//	SPOOL_...       the environment; __ separates levels: SPOOL_MP4__RECORD_PATH
//	flags
//
// Stream paths contain slashes and dots, so koanf, the library that merges the layers, separates levels by
// "::". koanf passes on each value as a *config.Node, with its file, line and column, or the name of its
// variable or flag.
//
// Top-level blocks of a file whose names begin with x- are ignored: users may write anchors there.
//
// # The default pipelines
//
// If no pipeline that records is declared, the mp4 block makes one with the name default. It covers each stream and
// has mode manual; pipeline.yaml lists its stages. Likewise the egress block makes default-live, of mode watched, with
// the stages of live.yaml. A field of a stage's config with the tag `inherit:"mp4.sync"`
// gets the value of that setting if the declaration omits the field. The package does not depend on the name of
// any stage.
package configs

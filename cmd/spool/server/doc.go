// Package server makes and runs a recorder: the hub of streams, the recorder, the ingest servers,
// the catalogue, retention and the HTTP API. It makes these parts, opens them in order, passes each
// the other parts that it needs, and closes them in reverse order. It also determines readiness,
// health and metrics of the whole recorder. spool serve calls Declare, New and Run; tests pass a
// clock of their own.
//
// The other commands of spool use single functions, which need no running recorder: check uses
// Compile, CheckDirectories, FileSystems and RecordDirectories; retention uses RetentionPlan; reindex uses
// CatalogueOptions, ClaimDirectory and Compare. These functions print nothing.
//
//	server.go     makes and closes the parts; open.go opens them in order
//	run.go        runs the recorder from its start to its drain
//	parts.go      imports the packages of all stages and protocols
//	health.go     lists the present problems; ready.go, write_obstacles.go, writable.go: readiness
//	events.go     records events; events_footage.go marks them in finished recordings
//	recover.go    recovers the files that a crash left; reconcile.go compares catalogue and disk
//	declared/     holds the declared pipelines, streams and schedule, and reloads them
package server

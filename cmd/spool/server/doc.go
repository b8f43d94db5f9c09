// Package server holds the parts of a running recorder. It makes them, opens them in order, and
// closes them in reverse. It hands each part the parts that it needs, so that none of them
// imports another, and reports for all of them: readiness, health, metrics. spool serve calls
// Declare, New and Run; tests pass a clock of their own.
//
// The other commands use single functions of a record directory: Compile (check), FileSystems
// and RecordDirs (check), RetentionPlan (retention), CatalogueOptions, ClaimDirectory and
// Compare (reindex). None of these prints anything.
//
//	server.go     makes and closes the parts; open.go opens them in order
//	run.go        from the start to the drain
//	parts.go      links the stages and protocols
//	health.go     the current problems; ready.go, write_obstacles.go, writable.go: readiness
//	events.go     events of requests; events_footage.go: in finished recordings
//	recover.go    recovers files of a crash; reconcile.go compares the catalogue with the disk
//	declared/     the declarations of what to record, and reload
package server

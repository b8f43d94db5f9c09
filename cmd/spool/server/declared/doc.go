// Package declared holds what a recorder is told to record: the pipelines, streams and
// schedule of its configuration, and over them the pipelines that were made by API, which
// it keeps in the record directory across restarts.
//
// Read and Compile check all of it and start nothing: spool check and spool serve find the
// same problems. A Set belongs to a running recorder. It changes the recorder and the hub
// when the configuration is read again (on request, on SIGHUP, when its file changes) and
// when a pipeline is made or removed by API: one change at a time, each checked as a whole
// before anything is changed, and stored before it is used. Errors are those of package
// api, without the directories of the machine.
package declared

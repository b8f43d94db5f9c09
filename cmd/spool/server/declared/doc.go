// Package declared holds the declarations of a recorder: the pipelines, streams and schedule of
// its configuration, overridden by the pipelines made by API, which it stores in the record
// directory across restarts.
//
// Read and Compile check all of it and start nothing: spool check and spool serve find the
// same problems. A Set belongs to a running recorder. It changes the recorder and the hub
// when the configuration is read again (on request, on SIGHUP, when its file changes) and
// when a pipeline is made or removed by API: serialises changes, each checked as a whole
// before anything is changed, and stored before it is used. Errors are those of package
// api, without the directories of the machine.
package declared

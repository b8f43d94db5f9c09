// Package recorder decides which streams are recorded, by which pipelines, and when.
//
// A Job keeps one pipeline running for one stream. A Recorder has at most one job for each
// pipeline and stream. It begins and ends jobs on a start by request, a publisher (mode always),
// a trigger (mode event), a window of the Schedule, or an Update of the declared pipelines.
//
//	Start, Stop          a request
//	Began, StartAlways   a publisher comes, or the configuration names the stream
//	Trigger              an event: a mark on a recording, or a recording for the event
//	Schedule             the windows of an Agenda of cron expressions
//	Update, Hold         the pipelines change, or pause
//
// The package does not know the media of a pipeline and touches no file: stages do. Its
// goroutines are tasks of package pipeline.
package recorder

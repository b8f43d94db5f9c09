// Package recorder decides who records what, and when: it runs the declared
// pipelines for the streams that they cover.
//
// A Job keeps one pipeline running for one stream. A Recorder has at most one job a
// pipeline and stream; it begins and ends them because of a start by hand, a
// publisher (mode always), a trigger (mode event), a window of the Schedule, or an
// Update of the declared pipelines.
//
//	Start, Stop          by hand
//	Began, StartAlways   a publisher is there, or the configuration names the stream
//	Trigger              an event: a mark on a recording, or a recording of its own
//	Schedule             keeps the windows of an Agenda, which are cron expressions
//	Update, Hold         the pipelines change, or rest
//
// What flows in a pipeline it does not know, and it touches no file: that is for the
// stages. Its goroutines are tasks of package pipeline.
package recorder

// Package api is the product's HTTP side: control, status, catalogue, footage,
// metrics, and one page for people.
//
// # Shape
//
// routes.go is the table of everything that can be asked. The router, the roles,
// the check of query parameters, the index at /mp4/ and the OpenAPI document are
// all made from it, so none of them can say something else. Each resource has a
// file of its own; deps.go says what the program must hand in.
//
// # A request's way
//
//	connection limit -> header limits -> path -> host -> origin -> route
//	-> who is it -> may he -> query parameters -> handler -> answer or error
//
// Every error is {"status":"error","error":"..."} with the right code. What it
// says was written in this package or by a dependency as an *Error; any other
// error is logged under a number and answered with that number alone, so that no
// path of the machine, SQL text or secret leaves it.
//
// # Time, size, names
//
// Times are RFC 3339 in UTC with a fraction, durations seconds, sizes bytes.
// Files are named by their slash-separated path below the record directory.
package api
